/* SPDX-License-Identifier: MIT */
/* Values of mappings: conditions on them, conversions of them. */
#include <stdlib.h>
#include <string.h>

#include "mapping_run.h"

#define SHOWN_SIZE_MAX 100u
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- conditions --------------------------------------------------------------------------- */

static uint32_t bits_of(const cJSON *value)
{
    uint32_t bits = !value || cJSON_IsNull(value) ? MAPPING_IS_MISSING : MAPPING_IS_PRESENT;
    if (mapping_is_filled(value))
        bits |= MAPPING_IS_FILLED;
    if (cJSON_IsString(value))
        bits |= MAPPING_IS_TEXT;
    else if (cJSON_IsNumber(value))
        bits |= MAPPING_IS_NUMBER;
    else if (cJSON_IsBool(value))
        bits |= MAPPING_IS_BOOLEAN;
    else if (cJSON_IsArray(value))
        bits |= MAPPING_IS_ARRAY;
    else if (cJSON_IsObject(value))
        bits |= MAPPING_IS_OBJECT;
    else if (cJSON_IsNull(value))
        bits |= MAPPING_IS_NULL;
    return bits;
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Whether text begins with word. */
static bool has_beginning(const char *text, const char *word, bool ignores_case)
{
    for (; *word; text++, word++)
        if (*text != *word && !(ignores_case && fold(*text) == fold(*word)))
            return false;
    return true;
}

typedef bool compare_fn(const char *text, const char *word, bool ignores_case);

static bool is_equal(const char *text, const char *word, bool ignores_case)
{
    return strlen(text) == strlen(word) && has_beginning(text, word, ignores_case);
}

static bool has_inside(const char *text, const char *word, bool ignores_case)
{
    size_t size = strlen(text), word_size = strlen(word);
    for (size_t i = 0; i + word_size <= size; i++)
        if (has_beginning(text + i, word, ignores_case))
            return true;
    return false;
}

static bool has_end(const char *text, const char *word, bool ignores_case)
{
    size_t size = strlen(text), word_size = strlen(word);
    return size >= word_size && has_beginning(text + size - word_size, word, ignores_case);
}

static bool one_holds(const char *text, const struct mapping_words *words, compare_fn *compare,
                      bool ignores_case)
{
    for (uint32_t i = 0; i < words->count; i++)
        if (compare(text, words->list[i], ignores_case))
            return true;
    return words->count == 0;
}

static bool text_passes(const char *text, const struct mapping_condition *condition)
{
    bool ignores_case = condition->ignores_case;
    return one_holds(text, &condition->equals, is_equal, ignores_case) &&
           one_holds(text, &condition->contains, has_inside, ignores_case) &&
           one_holds(text, &condition->begins, has_beginning, ignores_case) &&
           one_holds(text, &condition->ends, has_end, ignores_case);
}

static bool asks_text(const struct mapping_condition *condition)
{
    return condition->equals.count + condition->contains.count + condition->begins.count +
               condition->ends.count > 0;
}

static bool value_passes(const cJSON *value, const struct mapping_condition *condition)
{
    if (condition->is && !(condition->is & bits_of(value)))
        return false;
    if (!asks_text(condition))
        return true;
    if (cJSON_IsString(value))
        return text_passes(value->valuestring, condition);
    struct text text = {0};
    bool ok = json_value_text(value, &text) && text_passes(text_string(&text), condition);
    text_release(&text);
    return ok;
}

bool mapping_test(const struct mapping_run *run, const struct mapping_frame *frame,
                  const struct mapping_condition *condition)
{
    if (condition->test == MAPPING_VALUE) {
        const cJSON *value = mapping_first(run, frame, &condition->at, 0, NULL);
        if (!value)
            value = mapping_find(run, frame, condition->at.list);
        return value_passes(value, condition);
    }
    /* Depth is bounded by MAPPING_DEPTH_MAX. */
    bool stops_at = condition->test != MAPPING_ALL;
    for (uint32_t i = 0; i < condition->part_count; i++)
        if (mapping_test(run, frame, &condition->parts[i]) == stops_at)
            return condition->test == MAPPING_SOME;
    return condition->test != MAPPING_SOME;
}

/* ---- conversions -------------------------------------------------------------------------- */

static cJSON *refuse(const char *text, const char *expected, struct text *why)
{
    text_add(why, "\"");
    text_add_printable(why, text, SHOWN_SIZE_MAX);
    text_add_format(why, "\" is not %s", expected);
    return NULL;
}

/* A number as JSON has it, or a little more freely: what strtod takes of these characters. */
static cJSON *number_from(const char *text, struct text *why)
{
    size_t digits = 0;
    for (const char *at = text; *at; at++)
        digits += *at >= '0' && *at <= '9';
    char *end = NULL;
    double number = digits ? strtod(text, &end) : 0;
    if (!end || *end || strspn(text, "0123456789+-.eE") != strlen(text) || number > 1e300 ||
        number < -1e300)
        return refuse(text, "a number", why);
    if (digits > MAPPING_DIGITS_MAX)
        return refuse(text, "a number of at most 15 digits", why);
    return cJSON_CreateNumber(number);
}
_Static_assert(MAPPING_DIGITS_MAX == 15, "the error text above says so");

static cJSON *integer_from(const struct mapping_rule *rule, const char *text, struct text *why)
{
    bool is_negative = text[0] == '-', is_right = text[is_negative] != '\0';
    int64_t number = 0;
    for (const char *at = text + is_negative; *at && is_right; at++) {
        is_right = *at >= '0' && *at <= '9' && number < INT32_MAX;
        number = number * 10 + (*at - '0');
    }
    number = is_negative ? -number : number;
    if (is_right && number >= rule->least && number <= rule->most)
        return cJSON_CreateNumber((double)number);
    struct text expected = {0};
    text_add_format(&expected, "a whole number from %d to %d", (int)rule->least, (int)rule->most);
    refuse(text, text_string(&expected), why);
    text_release(&expected);
    return NULL;
}

static cJSON *boolean_from(const char *text, struct text *why)
{
    static const char *const words[][2] = {
        {"true", "false"}, {"yes", "no"}, {"y", "n"}, {"1", "0"}};
    for (size_t i = 0; i < COUNT(words); i++)
        for (int is_no = 0; is_no < 2; is_no++)
            if (word_is_same(text, words[i][is_no]))
                return cJSON_CreateBool(!is_no);
    return refuse(text, "yes or no (true, yes, y, 1; false, no, n, 0)", why);
}

static cJSON *text_from(const char *text, uint32_t length_max)
{
    size_t size = length_max ? utf8_prefix(text, length_max) : strlen(text);
    if (!text[size])
        return cJSON_CreateString(text);
    struct text cut = {0};
    text_add_bytes(&cut, text, size);
    cJSON *value = cJSON_CreateString(text_string(&cut));
    text_release(&cut);
    return value;
}

cJSON *mapping_convert(const struct mapping_rule *rule, const cJSON *value, struct text *why)
{
    if (cJSON_IsString(value) && (rule->as == MAPPING_ANY || rule->as == MAPPING_TEXT))
        return text_from(value->valuestring, rule->length_max);
    if (rule->as == MAPPING_ANY)
        return cJSON_Duplicate(value, true);
    struct text text = {0};
    cJSON *converted = NULL;
    if (!json_value_text(value, &text))
        text_add(why, "is neither a text nor a number nor a boolean");
    else if (rule->as == MAPPING_TEXT)
        converted = text_from(text_string(&text), rule->length_max);
    else if (rule->as == MAPPING_NUMBER)
        converted = number_from(text_string(&text), why);
    else if (rule->as == MAPPING_INTEGER)
        converted = integer_from(rule, text_string(&text), why);
    else
        converted = boolean_from(text_string(&text), why);
    text_release(&text);
    return converted;
}
