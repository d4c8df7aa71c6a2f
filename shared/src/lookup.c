/* SPDX-License-Identifier: MIT */
/* Properties; see lookup.h. */
#include "sluice/lookup.h"

#include <string.h>

#include "sluice/flow.h"
#include "sluice/imports.h"

#define VALUE_ROOM 255
#define NUMBER_MAX 99999 /* CCS: message category and number have five digits */
#define SHOWN_SIZE_MAX 100u

static int32_t read_property(const char *lookup, const char *property, struct text *value)
{
    int32_t result;
    text_clear(value);
    text_room(value, VALUE_ROOM);
    do {
        result = sluice_flow_lookup(SLUICE_STRING(lookup), SLUICE_STRING(property), value->data,
                                    (uint32_t)value->capacity);
    } while (text_must_repeat(value, result));
    return result;
}

bool lookup_text(const char *lookup, const char *property, const char *second_spelling,
                 struct text *value)
{
    if (read_property(lookup, property, value) > 0)
        return true;
    return second_spelling && read_property(lookup, second_spelling, value) > 0;
}

bool lookup_required(const char *lookup, const char *property, struct text *value,
                     struct fault *fault)
{
    int32_t result = read_property(lookup, property, value);
    if (result > 0)
        return true;
    if (result != 0 && result != SLUICE_NOT_FOUND) {
        fault_take(fault, result, "A lookup cannot be read");
        return false;
    }
    fault_set(fault, "missing_property", "A property is missing",
              "Lookup \"%s\" has no value for the property \"%s\", which this flow needs.", lookup,
              property);
    return false;
}

bool lookup_flag(const char *property)
{
    struct text value = {0};
    bool is_on = true;
    if (lookup_text(LOOKUP_CONFIG, property, NULL, &value)) {
        is_on = !word_is_same(text_string(&value), "false");
        if (is_on && !word_is_same(text_string(&value), "true"))
            flow_log("lookup %s: %s is neither true nor false; taken as true", LOOKUP_CONFIG,
                     property);
    }
    text_release(&value);
    return is_on;
}

static bool parse_number(const char *text, int *value)
{
    bool is_negative = text[0] == '-';
    const char *at = text + is_negative;
    int number = 0;
    if (!*at)
        return false;
    for (; *at; at++) {
        if (*at < '0' || *at > '9')
            return false;
        number = number * 10 + (*at - '0');
        if (number > NUMBER_MAX)
            return false;
    }
    *value = is_negative ? -number : number;
    return true;
}

bool lookup_number(const char *property, const char *second_spelling, int default_value, int *value,
                   struct fault *fault)
{
    struct text given = {0}, shown = {0};
    *value = default_value;
    bool ok = !lookup_text(LOOKUP_CONFIG, property, second_spelling, &given) ||
              parse_number(text_string(&given), value);
    if (!ok) {
        text_add_printable(&shown, text_string(&given), SHOWN_SIZE_MAX);
        fault_set(fault, "invalid_property", "A property has no usable value",
                  "Lookup \"%s\": the property \"%s\" is \"%s\"; a whole number from -%d to %d is "
                  "expected.",
                  LOOKUP_CONFIG, property, text_string(&shown), NUMBER_MAX, NUMBER_MAX);
    }
    text_release(&given);
    text_release(&shown);
    return ok;
}
