/* SPDX-License-Identifier: MIT */
/* The rule "repeat" of mappings: over an array into another, or in place. */
#include "mapping_run.h"

static bool is_wanted(const struct mapping_run *run, const struct mapping_frame *frame,
                      const struct mapping_rule *rule)
{
    return !rule->where || mapping_test(run, frame, rule->where);
}

static bool has_content(const cJSON *element, const struct mapping_rule *rule)
{
    if (!cJSON_IsObject(element))
        return true;
    return element->child && (!rule->number_to || element->child->next);
}

/* Applies the rules to one element, already known to be wanted, and adds what they make. */
static bool add_element(struct mapping_run *run, const struct mapping_frame *frame,
                        const struct mapping_rule *rule, const struct mapping_frame *inner,
                        uint32_t *made)
{
    bool ok = true;
    if (rule->number_to)
        ok = mapping_set(run, inner, rule, rule->number_to, cJSON_CreateNumber(*made + 1.0));
    ok = ok && mapping_apply_rules(run, inner, &rule->rules);
    cJSON *array = NULL;
    if (ok && (!inner->item || has_content(inner->result, rule))) {
        array = mapping_array(run, frame, rule, rule->to);
        ok = array != NULL;
    }
    if (!array) {
        cJSON_Delete(inner->result);
        return ok;
    }
    run->size += MAPPING_NODE_SIZE;
    ++*made;
    return cJSON_AddItemToArray(array, inner->result);
}

static bool stop_adding(struct mapping_run *run, const struct mapping_rule *rule)
{
    if (!rule->items_max)
        return mapping_stop(run, rule, MAPPING_FAILED_LIMIT,
                            "more than %d elements; set items_max to leave the others out",
                            MAPPING_ITEMS_MAX);
    text_add_format(&run->report->notes, "%s: only %u elements are taken, the others are left out\n",
                    rule->label, (unsigned)rule->items_max);
    return true;
}

/* list: an array, or one value that is taken as an array of itself; NULL: nothing. */
static bool repeat_over(struct mapping_run *run, const struct mapping_frame *frame,
                        const struct mapping_rule *rule, const cJSON *list)
{
    uint32_t made = 0, made_max = rule->items_max ? rule->items_max : MAPPING_ITEMS_MAX;
    struct mapping_frame inner = {.depth = frame->depth + rule->to->token_count + 1};
    const cJSON *item = cJSON_IsArray(list) ? list->child : list;
    for (; item; item = cJSON_IsArray(list) ? item->next : NULL) {
        inner.item = item;
        inner.result = NULL;
        if (!mapping_count_step(run, rule))
            return false;
        if (!is_wanted(run, &inner, rule))
            continue;
        if (made == made_max)
            return stop_adding(run, rule);
        inner.result = json_object();
        if (!add_element(run, frame, rule, &inner, &made))
            return false;
    }
    inner.item = NULL;
    while (made < rule->items_min) {
        inner.result = json_object();
        if (!mapping_count_step(run, rule) || !add_element(run, frame, rule, &inner, &made))
            return false;
    }
    return true;
}

static bool repeat_in_place(struct mapping_run *run, const struct mapping_frame *frame,
                            const struct mapping_rule *rule)
{
    uint32_t count = 0;
    struct mapping_frame inner = {.depth = frame->depth + rule->in->token_count, .is_live = true};
    /* Of the result, which is ours to change. */
    cJSON *list = (cJSON *)mapping_find(run, frame, rule->in);
    bool is_array = cJSON_IsArray(list);
    inner.depth += is_array;
    cJSON *element = is_array ? list->child : list;
    for (; element; element = is_array ? element->next : NULL) {
        inner.item = inner.result = element;
        if (!mapping_count_step(run, rule))
            return false;
        if (!is_wanted(run, &inner, rule))
            continue;
        if (count++ == MAPPING_ITEMS_MAX)
            return mapping_stop(run, rule, MAPPING_FAILED_LIMIT, "%s: more than %d elements",
                                rule->in->text, MAPPING_ITEMS_MAX);
        if (!mapping_apply_rules(run, &inner, &rule->rules))
            return false;
    }
    return true;
}

bool mapping_apply_repeat(struct mapping_run *run, const struct mapping_frame *frame,
                         const struct mapping_rule *rule)
{
    if (rule->in)
        return repeat_in_place(run, frame, rule);
    const struct mapping_path *path;
    const cJSON *list = mapping_first(run, frame, &rule->from, 0, &path);
    if (!list && rule->is_required)
        return mapping_finish(run, frame, rule, NULL, path->text);
    /* What the rules may change under our feet is walked as a copy. */
    cJSON *copy = NULL;
    if (list && (path->origin == MAPPING_RESULT || (path->origin == MAPPING_ITEM && frame->is_live)))
        copy = cJSON_Duplicate(list, true);
    bool ok = (!copy || mapping_count(run, rule, copy, 0)) &&
              repeat_over(run, frame, rule, copy ? copy : list);
    cJSON_Delete(copy);
    return ok;
}
