/* SPDX-License-Identifier: MIT */
/*
 * The filter that applies a mapping. On stdin {"mapping": DOCUMENT, "message": MESSAGE, "lookups":
 * {NAME: {PROPERTY: VALUE}}}, "lookups" may be absent; on stdout the mapped message. What is wrong
 * goes to stderr, one line for each error, and the exit status is 1, with nothing on stdout; notes
 * about what was left out go to stderr, too.
 */
#include <stdio.h>
#include <string.h>

#include "sluice/mapping.h"

#define INPUT_SIZE_MAX (4u << 20) /* bytes on stdin */
#define PIECE_SIZE 65536u
#define SHOWN_SIZE_MAX 60

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "%s%s%s\n", what, *what ? ": " : "", why);
    return 1;
}

/* false: there is more than INPUT_SIZE_MAX. */
static bool read_input(struct text *input)
{
    size_t size;
    do {
        text_room(input, PIECE_SIZE);
        size = fread(input->data + input->size, 1, PIECE_SIZE, stdin);
        input->size += size;
    } while (size > 0 && input->size <= INPUT_SIZE_MAX);
    input->data[input->size] = '\0';
    return input->size <= INPUT_SIZE_MAX;
}

/* Names of properties are compared as the host compares them. */
static bool look_up(void *context, const char *lookup, const char *property, struct text *value)
{
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(context, lookup);
    return json_member_text(given, property, value);
}

static bool has_exact_numbers(const struct text *input)
{
    size_t size;
    const char *number = mapping_long_number(text_string(input), input->size, &size);
    if (number)
        fprintf(stderr, "message: the number %.*s has more digits than %d and would be changed; "
                        "send it as a text\n",
                size < SHOWN_SIZE_MAX ? (int)size : SHOWN_SIZE_MAX, number, MAPPING_DIGITS_MAX);
    return number == NULL;
}

/* Only what the input may have: a misspelt "lookups" would be missed in silence. */
static bool has_right_members(const cJSON *input)
{
    const cJSON *lookups = cJSON_GetObjectItemCaseSensitive(input, "lookups");
    int known = cJSON_HasObjectItem(input, "mapping") + cJSON_HasObjectItem(input, "message") +
                (lookups != NULL);
    return known == cJSON_GetArraySize(input) && known == 2 + (lookups != NULL) &&
           (!lookups || cJSON_IsObject(lookups));
}

static int apply(const struct mapping *mapping, const cJSON *input)
{
    struct mapping_report report = {0};
    struct text out = {0};
    struct mapping_input given = {
        .message = cJSON_GetObjectItemCaseSensitive(input, "message"),
        .lookup = look_up,
        .context = cJSON_GetObjectItemCaseSensitive(input, "lookups"),
    };
    cJSON *result = mapping_apply(mapping, &given, &report);
    if (!result || !mapping_print(result, &out, &report))
        return fail(text_string(&report.rule), text_string(&report.error));
    fputs(text_string(&report.notes), stderr);
    text_add(&out, "\n");
    if (fwrite(out.data, 1, out.size, stdout) != out.size || fflush(stdout) != 0)
        return fail("", "the mapped message cannot be written");
    return 0;
}

int main(void)
{
    struct text bytes = {0}, why = {0};
    struct mapping_document document = {0};
    if (!read_input(&bytes)) {
        text_add_format(&why, "is longer than %u bytes", INPUT_SIZE_MAX);
        return fail("input", text_string(&why));
    }
    cJSON *input =
        json_read_nested(text_string(&bytes), bytes.size, JSON_DEPTH_MAX + 1, &why);
    if (!input)
        return fail("input", text_string(&why));
    if (!cJSON_IsObject(input) || !has_right_members(input))
        return fail("input", "must be {\"mapping\": ..., \"message\": ..., \"lookups\": {...}}");
    if (!has_exact_numbers(&bytes))
        return 1;
    if (!mapping_compile(cJSON_GetObjectItemCaseSensitive(input, "mapping"), &document, &why)) {
        fputs(text_string(&why), stderr);
        return 1;
    }
    return apply(document.mapping, input);
}
