/* SPDX-License-Identifier: MIT */
/* Compiles and applies mappings for tests; see mapping_support.h. */
#include "mapping_support.h"

#include <stdlib.h>
#include <string.h>

static bool look_up(void *context, const char *lookup, const char *property, struct text *value)
{
    ++*(int *)context;
    if (strcmp(lookup, "Codes") != 0 || (strcmp(property, "A") != 0 && strcmp(property, "n") != 0))
        return false;
    text_set(value, property[0] == 'A' ? "first" : "42");
    return true;
}

static void swap_quotes(char *text, char from, char to)
{
    for (; text && *text; text++)
        if (*text == from)
            *text = to;
}

static cJSON *read_quoted(const char *text, struct text *why)
{
    char *copy = memory_copy(text);
    swap_quotes(copy, '\'', '"');
    cJSON *json = json_read(copy, strlen(copy), why);
    free(copy);
    return json;
}

static void apply(const struct mapping *mapping, cJSON *given, struct outcome *outcome)
{
    struct mapping_report report = {0};
    struct mapping_input input = {.message = given, .lookup = look_up, .context = &outcome->asked};
    cJSON *before = cJSON_Duplicate(given, true);
    cJSON *result = mapping_apply(mapping, &input, &report);
    if (!cJSON_Compare(before, given, true))
        abort();
    if (!result || !mapping_print(result, &outcome->result, &report)) {
        text_clear(&outcome->result);
        text_add_format(&outcome->errors, "%s: %s\n", text_string(&report.rule),
                        text_string(&report.error));
    }
    swap_quotes(outcome->result.data, '"', '\'');
    outcome->failure = report.failure;
    outcome->notes = report.notes;
    cJSON_Delete(before);
    cJSON_Delete(result);
    cJSON_Delete(report.unfinished);
}

struct outcome map(const char *document, const char *message)
{
    struct outcome outcome = {0};
    struct mapping_document compiled = {0};
    cJSON *json = read_quoted(document, &outcome.errors);
    cJSON *given = read_quoted(message, &outcome.errors);
    if (!json || !given)
        return outcome;
    if (mapping_compile(json, &compiled, &outcome.errors))
        apply(compiled.mapping, given, &outcome);
    mapping_release(&compiled);
    cJSON_Delete(json);
    cJSON_Delete(given);
    return outcome;
}

static struct outcome map_wrapped(const char *start, const char *rules, const char *message)
{
    struct text document = {0};
    text_add_format(&document, "{'mapping':1,'start':'%s','rules':[%s]}", start, rules);
    struct outcome outcome = map(text_string(&document), message);
    text_release(&document);
    return outcome;
}

struct outcome map_rules(const char *rules, const char *message)
{
    return map_wrapped("empty", rules, message);
}

struct outcome map_in_place(const char *rules, const char *message)
{
    return map_wrapped("message", rules, message);
}
