/* SPDX-License-Identifier: MIT */
/* Applies mappings; see mapping.h for what they are and docs/mapping.md for what the rules mean. */
#include "mapping_run.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_SIZE_MAX 1000u

bool mapping_stop(struct mapping_run *run, const struct mapping_rule *rule,
                  enum mapping_failure failure, const char *format, ...)
{
    struct text told = {0};
    va_list args;
    va_start(args, format);
    text_add_arguments(&told, format, args);
    va_end(args);
    run->report->failure = failure;
    text_set(&run->report->rule, rule ? rule->label : "mapping");
    text_clear(&run->report->error);
    text_add_printable(&run->report->error, text_string(&told), ERROR_SIZE_MAX);
    text_release(&told);
    return false;
}

/* ---- limits ------------------------------------------------------------------------------- */

bool mapping_count_step(struct mapping_run *run, const struct mapping_rule *rule)
{
    return ++run->steps <= MAPPING_STEPS_MAX ||
           mapping_stop(run, rule, MAPPING_FAILED_LIMIT,
                        "more than %d rules would be applied to this message", MAPPING_STEPS_MAX);
}

/* Adds up value and what is in it; depth: the brackets around it. *deepest grows. */
static size_t measure(const cJSON *value, uint32_t depth, uint32_t *deepest)
{
    size_t size = MAPPING_NODE_SIZE;
    if (cJSON_IsArray(value) || cJSON_IsObject(value))
        depth++;
    if (depth > *deepest)
        *deepest = depth;
    if (value->string)
        size += strlen(value->string);
    if (cJSON_IsString(value))
        size += strlen(value->valuestring);
    for (const cJSON *child = value->child; child; child = child->next)
        size += measure(child, depth, deepest); /* as deep as JSON_DEPTH_MAX lets messages be */
    return size;
}

bool mapping_count(struct mapping_run *run, const struct mapping_rule *rule, const cJSON *value,
                   uint32_t depth)
{
    uint32_t deepest = 0;
    run->size += measure(value, depth, &deepest);
    if (deepest > JSON_DEPTH_MAX)
        return mapping_stop(run, rule, MAPPING_FAILED_LIMIT,
                            "the result would be nested deeper than %d levels", JSON_DEPTH_MAX);
    return run->size <= MAPPING_WORK_SIZE_MAX ||
           mapping_stop(run, rule, MAPPING_FAILED_LIMIT,
                        "more than %u bytes would be put into the result", MAPPING_WORK_SIZE_MAX);
}

/* ---- the whole ---------------------------------------------------------------------------- */

bool mapping_apply_rules(struct mapping_run *run, const struct mapping_frame *frame,
                         const struct mapping_rules *rules)
{
    static mapping_apply_fn *const apply[MAPPING_KIND_COUNT] = {
        [MAPPING_COPY] = mapping_apply_copy,           [MAPPING_CONSTANT] = mapping_apply_constant,
        [MAPPING_DEFAULT] = mapping_apply_default,     [MAPPING_CONCATENATE] = mapping_apply_concatenate,
        [MAPPING_DATE] = mapping_apply_date,           [MAPPING_LOOKUP] = mapping_apply_lookup,
        [MAPPING_CONDITION] = mapping_apply_condition, [MAPPING_REMOVE] = mapping_apply_remove,
        [MAPPING_RENAME] = mapping_apply_rename,       [MAPPING_REPEAT] = mapping_apply_repeat,
        [MAPPING_FAIL] = mapping_apply_fail};
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct mapping_rule *rule = &rules->list[i];
        if (!mapping_count_step(run, rule))
            return false;
        if (rule->condition && rule->kind != MAPPING_CONDITION &&
            !mapping_test(run, frame, rule->condition))
            continue;
        if (!apply[rule->kind](run, frame, rule))
            return false;
    }
    return true;
}

static void release_looked_up(struct mapping_run *run)
{
    for (uint32_t i = 0; run->looked_up && i < run->mapping->rule_count; i++)
        cJSON_Delete(run->looked_up[i]);
    free(run->looked_up);
}

cJSON *mapping_apply(const struct mapping *mapping, const struct mapping_input *input,
                     struct mapping_report *report)
{
    struct mapping_run run = {.mapping = mapping, .input = input, .report = report};
    struct mapping_frame frame = {.item = input->message, .result = json_object()};
    bool ok = true;
    if (!mapping->starts_empty) {
        cJSON_Delete(frame.result);
        frame.result = cJSON_Duplicate(input->message, true);
        ok = mapping_count(&run, NULL, frame.result, 0);
    }
    ok = ok && mapping_apply_rules(&run, &frame, &mapping->rules);
    release_looked_up(&run);
    if (ok)
        return frame.result;
    report->unfinished = frame.result;
    return NULL;
}

bool mapping_print(const cJSON *result, struct text *out, struct mapping_report *report)
{
    size_t before = out->size;
    json_print(result, out);
    if (out->size - before <= MAPPING_RESULT_SIZE_MAX)
        return true;
    struct mapping_run run = {.report = report};
    return mapping_stop(&run, NULL, MAPPING_FAILED_LIMIT, "the result is longer than %u bytes",
                        MAPPING_RESULT_SIZE_MAX);
}

/* ---- numbers ------------------------------------------------------------------------------ */

/* Digits of a whole number; 0 for one with a fraction or an exponent, which is read as every reader
 * of JSON reads it: as the nearest there is. */
static unsigned digits_of(const char *number, size_t size)
{
    unsigned digits = 0;
    for (size_t i = 0; i < size; i++) {
        if (number[i] == '.' || number[i] == 'e' || number[i] == 'E')
            return 0;
        digits += number[i] >= '0' && number[i] <= '9';
    }
    return digits;
}

const char *mapping_long_number(const char *bytes, size_t size, size_t *number_size)
{
    static const char parts[] = "0123456789+-.eE";
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '"')
            in_string = !in_string;
        else if (in_string)
            i += bytes[i] == '\\';
        else if (bytes[i] == '-' || (bytes[i] >= '0' && bytes[i] <= '9')) {
            size_t length = 0;
            while (i + length < size && memchr(parts, bytes[i + length], sizeof parts - 1))
                length++;
            *number_size = length;
            if (digits_of(bytes + i, length) > MAPPING_DIGITS_MAX)
                return bytes + i;
            i += length - 1;
        }
    }
    return NULL;
}
