/* SPDX-License-Identifier: MIT */
/* The rules of mappings, one function each; repeat is in mapping_repeat.c. */
#include "mapping_run.h"

/* ---- rules that set one value ------------------------------------------------------------- */

bool mapping_finish(struct mapping_run *run, const struct mapping_frame *frame,
                   const struct mapping_rule *rule, cJSON *value, const char *missing)
{
    if (!value && rule->value)
        value = cJSON_Duplicate(rule->value, true);
    if (value)
        return mapping_set(run, frame, rule, rule->to, value);
    if (!rule->is_required)
        return true;
    bool is_lookup = rule->kind == MAPPING_LOOKUP;
    return mapping_stop(run, rule, is_lookup ? MAPPING_FAILED_LOOKUP : MAPPING_FAILED_MESSAGE,
                        "%s%s%s has no value, and the rule requires one",
                        is_lookup ? rule->lookup : "", is_lookup ? ": the property " : "", missing);
}

static bool stop_at(struct mapping_run *run, const struct mapping_rule *rule,
                    enum mapping_failure failure, const char *where, struct text *why)
{
    mapping_stop(run, rule, failure, "%s: %s", where[0] ? where : "the value itself",
                 text_string(why));
    text_release(why);
    return false;
}

static unsigned wanted_by(const struct mapping_rule *rule)
{
    return (rule->keeps_empty ? MAPPING_EMPTY_TOO : 0) |
           (rule->as != MAPPING_ANY ? MAPPING_PLAIN_ONLY : 0);
}

bool mapping_apply_copy(struct mapping_run *run, const struct mapping_frame *frame,
                       const struct mapping_rule *rule)
{
    const struct mapping_path *path;
    const cJSON *found = mapping_first(run, frame, &rule->from, wanted_by(rule), &path);
    struct text why = {0};
    cJSON *value = found ? mapping_convert(rule, found, &why) : NULL;
    if (found && !value)
        return stop_at(run, rule, MAPPING_FAILED_MESSAGE, path->text, &why);
    return mapping_finish(run, frame, rule, value, path->text);
}

bool mapping_apply_constant(struct mapping_run *run, const struct mapping_frame *frame,
                           const struct mapping_rule *rule)
{
    return mapping_finish(run, frame, rule, NULL, "");
}

bool mapping_apply_default(struct mapping_run *run, const struct mapping_frame *frame,
                          const struct mapping_rule *rule)
{
    return mapping_is_filled(mapping_find(run, frame, rule->to)) ||
           mapping_finish(run, frame, rule, NULL, "");
}

/* Appends the parts; false: one has no value, *missing is its path. */
static bool join(const struct mapping_run *run, const struct mapping_frame *frame,
                 const struct mapping_rule *rule, struct text *out, const char **missing)
{
    for (uint32_t i = 0; i < rule->part_count; i++) {
        const struct mapping_part *part = &rule->parts[i];
        const struct mapping_path *path;
        const cJSON *value = NULL;
        if (!part->text)
            value = mapping_first(run, frame, &part->from, MAPPING_PLAIN_ONLY, &path);
        const char *stand_in = part->text ? part->text : part->default_text;
        if (value)
            json_value_text(value, out);
        else if (stand_in)
            text_add(out, stand_in);
        else {
            *missing = path->text;
            return false;
        }
    }
    return true;
}

bool mapping_apply_concatenate(struct mapping_run *run, const struct mapping_frame *frame,
                              const struct mapping_rule *rule)
{
    struct text joined = {0};
    const char *missing = "";
    cJSON *value = NULL;
    if (join(run, frame, rule, &joined, &missing)) {
        if (rule->length_max)
            text_cut(&joined, utf8_prefix(text_string(&joined), rule->length_max));
        value = cJSON_CreateString(text_string(&joined));
    }
    text_release(&joined);
    return mapping_finish(run, frame, rule, value, missing);
}

bool mapping_apply_fail(struct mapping_run *run, const struct mapping_frame *frame,
                       const struct mapping_rule *rule)
{
    struct text joined = {0};
    const char *missing;
    join(run, frame, rule, &joined, &missing);
    mapping_stop(run, rule, MAPPING_FAILED_MESSAGE, "%s", text_string(&joined));
    text_release(&joined);
    return false;
}

bool mapping_apply_date(struct mapping_run *run, const struct mapping_frame *frame,
                       const struct mapping_rule *rule)
{
    const struct mapping_path *path;
    const cJSON *found = mapping_first(run, frame, &rule->from, MAPPING_PLAIN_ONLY, &path);
    if (!found)
        return mapping_finish(run, frame, rule, NULL, path->text);
    struct text given = {0}, written = {0}, why = {0};
    json_value_text(found, &given);
    bool ok = mapping_date(text_string(&given), rule->read, rule->write, rule->to_utc, &written,
                           &why);
    cJSON *value = ok ? cJSON_CreateString(text_string(&written)) : NULL;
    text_release(&given);
    text_release(&written);
    return ok ? mapping_finish(run, frame, rule, value, path->text)
              : stop_at(run, rule, MAPPING_FAILED_MESSAGE, path->text, &why);
}

/* ---- lookup ------------------------------------------------------------------------------- */

/* Asks for a property and turns it into what the rule wants. *value stays NULL if there is none. */
static bool ask(struct mapping_run *run, const struct mapping_rule *rule, const char *property,
                cJSON **value)
{
    struct text text = {0}, why = {0}, where = {0};
    if (run->input->lookup && run->input->lookup(run->input->context, rule->lookup, property, &text)) {
        cJSON *given = cJSON_CreateString(text_string(&text));
        *value = mapping_convert(rule, given, &why);
        cJSON_Delete(given);
    }
    bool ok = why.size == 0;
    if (!ok) {
        text_add_format(&where, "%s: the property ", rule->lookup);
        text_add_printable(&where, property, 100);
        stop_at(run, rule, MAPPING_FAILED_LOOKUP, text_string(&where), &why);
    }
    text_release(&text);
    text_release(&where);
    return ok;
}

/* The property is named by a value of the message. */
static bool ask_for_value(struct mapping_run *run, const struct mapping_frame *frame,
                          const struct mapping_rule *rule, cJSON **value, const char **missing)
{
    const struct mapping_path *path;
    const cJSON *found = mapping_first(run, frame, &rule->from, MAPPING_PLAIN_ONLY, &path);
    *missing = path->text;
    if (!found)
        return true;
    struct text property = {0};
    json_value_text(found, &property);
    bool ok = ask(run, rule, text_string(&property), value);
    text_release(&property);
    return ok;
}

/* A property with a fixed name is asked for once: its value holds for all repetitions. */
static bool ask_once(struct mapping_run *run, const struct mapping_rule *rule, cJSON **value)
{
    if (!run->looked_up)
        run->looked_up = memory_new(run->mapping->rule_count * sizeof *run->looked_up);
    cJSON **kept = &run->looked_up[rule->number];
    for (uint32_t i = 0; i < rule->property.count && !*kept; i++)
        if (!ask(run, rule, rule->property.list[i], kept))
            return false;
    if (!*kept)
        *kept = rule->value ? cJSON_Duplicate(rule->value, true) : cJSON_CreateNull();
    if (rule->value || !cJSON_IsNull(*kept))
        *value = cJSON_Duplicate(*kept, true);
    return true;
}

bool mapping_apply_lookup(struct mapping_run *run, const struct mapping_frame *frame,
                         const struct mapping_rule *rule)
{
    cJSON *value = NULL;
    const char *missing = rule->property.count ? rule->property.list[0] : "";
    bool ok = rule->property.count ? ask_once(run, rule, &value)
                                   : ask_for_value(run, frame, rule, &value, &missing);
    return ok && mapping_finish(run, frame, rule, value, missing);
}

/* ---- rules that change the result ---------------------------------------------------------- */

bool mapping_apply_remove(struct mapping_run *run, const struct mapping_frame *frame,
                         const struct mapping_rule *rule)
{
    (void)run;
    for (uint32_t i = 0; i < rule->at.count; i++)
        cJSON_Delete(mapping_take(frame, &rule->at.list[i]));
    return true;
}

bool mapping_apply_rename(struct mapping_run *run, const struct mapping_frame *frame,
                         const struct mapping_rule *rule)
{
    cJSON *value = mapping_take(frame, rule->from.list);
    return mapping_finish(run, frame, rule, value, rule->from.list->text);
}

bool mapping_apply_condition(struct mapping_run *run, const struct mapping_frame *frame,
                            const struct mapping_rule *rule)
{
    bool holds = mapping_test(run, frame, rule->condition);
    return mapping_apply_rules(run, frame, holds ? &rule->rules : &rule->otherwise);
}
