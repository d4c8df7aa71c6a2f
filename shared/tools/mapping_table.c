/* SPDX-License-Identifier: MIT */
/*
 * Writes a mapping as C: the tables of mapping_rules.h, so that a flow's own mapping costs nothing
 * to compile when the flow runs. Part of the build: mapping_table NAME MAPPING.json OUTPUT.c
 * defines "const struct mapping NAME". Every table is written before what points to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/mapping_rules.h"

#define FILE_SIZE_MAX (1u << 20)

static FILE *out;
static unsigned table_count; /* names of tables are numbers */

static void write_string(const char *string)
{
    if (!string) {
        fputs("NULL", out);
        return;
    }
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)string; *at; at++)
        if (*at < 0x20 || *at > 0x7E || *at == '"' || *at == '\\' || *at == '?')
            fprintf(out, "\\%03o", *at);
        else
            fputc(*at, out);
    fputc('"', out);
}

static void write_reference(unsigned count, unsigned table)
{
    if (count)
        fprintf(out, "{%u, t%u}", count, table);
    else
        fputs("{0, NULL}", out);
}

static unsigned write_words(const struct mapping_words *words)
{
    if (!words->count)
        return 0;
    fprintf(out, "static const char *const t%u[] = {", ++table_count);
    for (uint32_t i = 0; i < words->count; i++) {
        write_string(words->list[i]);
        fputs(", ", out);
    }
    fputs("};\n", out);
    return table_count;
}

static unsigned write_tokens(const struct mapping_path *path)
{
    if (!path->token_count)
        return 0;
    fprintf(out, "static const struct mapping_token t%u[] = {", ++table_count);
    for (uint32_t i = 0; i < path->token_count; i++) {
        fputc('{', out);
        write_string(path->tokens[i].name);
        fprintf(out, ", %d}, ", (int)path->tokens[i].index);
    }
    fputs("};\n", out);
    return table_count;
}

static unsigned write_paths(const struct mapping_path *list, uint32_t count)
{
    if (!count)
        return 0;
    unsigned *tokens = memory_new(count * sizeof *tokens);
    for (uint32_t i = 0; i < count; i++)
        tokens[i] = write_tokens(&list[i]);
    fprintf(out, "static const struct mapping_path t%u[] = {\n", ++table_count);
    for (uint32_t i = 0; i < count; i++) {
        fputs("    {", out);
        write_string(list[i].text);
        fprintf(out, ", (enum mapping_origin)%d, %u, ", (int)list[i].origin,
                (unsigned)list[i].token_count);
        fprintf(out, tokens[i] ? "t%u},\n" : "NULL},\n", tokens[i]);
    }
    fputs("};\n", out);
    free(tokens);
    return table_count;
}

static unsigned write_conditions(const struct mapping_condition *list, uint32_t count);

/* Tables that one condition points to. */
struct condition_tables {
    unsigned parts, at, words[4];
};

static void write_condition(const struct mapping_condition *condition,
                            const struct condition_tables *tables)
{
    const struct mapping_words *const words[] = {&condition->equals, &condition->contains,
                                                 &condition->begins, &condition->ends};
    static const char *const names[] = {"equals", "contains", "begins", "ends"};
    fprintf(out, "    {.test = (enum mapping_test)%d, .ignores_case = %d, .is = %u, .part_count = %u",
            (int)condition->test, condition->ignores_case, (unsigned)condition->is,
            (unsigned)condition->part_count);
    if (tables->parts)
        fprintf(out, ", .parts = t%u", tables->parts);
    fputs(", .at = ", out);
    write_reference(condition->at.count, tables->at);
    for (int i = 0; i < 4; i++) {
        fprintf(out, ", .%s = ", names[i]);
        write_reference(words[i]->count, tables->words[i]);
    }
    fputs("},\n", out);
}

static unsigned write_conditions(const struct mapping_condition *list, uint32_t count)
{
    if (!list || !count)
        return 0;
    struct condition_tables *tables = memory_new(count * sizeof *tables);
    for (uint32_t i = 0; i < count; i++)
        tables[i] = (struct condition_tables){
            .parts = write_conditions(list[i].parts, list[i].part_count),
            .at = write_paths(list[i].at.list, list[i].at.count),
            .words = {write_words(&list[i].equals), write_words(&list[i].contains),
                      write_words(&list[i].begins), write_words(&list[i].ends)}};
    fprintf(out, "static const struct mapping_condition t%u[] = {\n", ++table_count);
    for (uint32_t i = 0; i < count; i++)
        write_condition(&list[i], &tables[i]);
    fputs("};\n", out);
    free(tables);
    return table_count;
}

static unsigned write_parts(const struct mapping_rule *rule)
{
    if (!rule->part_count)
        return 0;
    unsigned *from = memory_new(rule->part_count * sizeof *from);
    for (uint32_t i = 0; i < rule->part_count; i++)
        from[i] = write_paths(rule->parts[i].from.list, rule->parts[i].from.count);
    fprintf(out, "static const struct mapping_part t%u[] = {\n", ++table_count);
    for (uint32_t i = 0; i < rule->part_count; i++) {
        fputs("    {", out);
        write_string(rule->parts[i].text);
        fputs(", ", out);
        write_reference(rule->parts[i].from.count, from[i]);
        fputs(", ", out);
        write_string(rule->parts[i].default_text);
        fputs("},\n", out);
    }
    fputs("};\n", out);
    free(from);
    return table_count;
}

/* The values of a list from the last to the first, each after what is in it; value itself alone if
 * it is not in a list. As deep as JSON_DEPTH_MAX lets documents be. */
static unsigned write_values(const cJSON *value, bool with_siblings)
{
    if (!value)
        return 0;
    unsigned next = with_siblings ? write_values(value->next, true) : 0;
    unsigned child = write_values(value->child, true);
    fprintf(out, "static cJSON t%u = {.type = %d, .valueint = %d, .valuedouble = %.17g", ++table_count,
            value->type & 0xFF, value->valueint, value->valuedouble);
    if (value->valuestring) {
        fputs(", .valuestring = ", out);
        write_string(value->valuestring);
    }
    if (with_siblings && value->string) {
        fputs(", .string = ", out);
        write_string(value->string);
    }
    if (next)
        fprintf(out, ", .next = &t%u", next);
    if (child)
        fprintf(out, ", .child = &t%u", child);
    fputs("};\n", out);
    return table_count;
}

static unsigned write_rules(const struct mapping_rules *rules);

/* Tables that one rule points to. */
struct rule_tables {
    unsigned condition, where, from, at, to, in, number_to, value, parts, property, rules, otherwise;
};

static struct rule_tables write_rule_tables(const struct mapping_rule *rule)
{
    return (struct rule_tables){
        .condition = write_conditions(rule->condition, 1),
        .where = write_conditions(rule->where, 1),
        .from = write_paths(rule->from.list, rule->from.count),
        .at = write_paths(rule->at.list, rule->at.count),
        .to = write_paths(rule->to, rule->to != NULL),
        .in = write_paths(rule->in, rule->in != NULL),
        .number_to = write_paths(rule->number_to, rule->number_to != NULL),
        .value = write_values(rule->value, false),
        .parts = write_parts(rule),
        .property = write_words(&rule->property),
        .rules = write_rules(&rule->rules),
        .otherwise = write_rules(&rule->otherwise)};
}

static void write_table_member(const char *name, const char *prefix, unsigned table)
{
    if (table)
        fprintf(out, ", .%s = %st%u", name, prefix, table);
}

static void write_text_member(const char *name, const char *text)
{
    fprintf(out, ", .%s = ", name);
    write_string(text);
}

static void write_list_member(const char *name, uint32_t count, unsigned table)
{
    fprintf(out, ", .%s = ", name);
    write_reference(count, table);
}

static void write_rule(const struct mapping_rule *rule, const struct rule_tables *tables)
{
    fprintf(out, "    {.kind = (enum mapping_kind)%d, .as = (enum mapping_type)%d, .number = %u",
            (int)rule->kind, (int)rule->as, (unsigned)rule->number);
    write_text_member("label", rule->label);
    write_table_member("condition", "", tables->condition);
    write_table_member("where", "", tables->where);
    write_list_member("from", rule->from.count, tables->from);
    write_list_member("at", rule->at.count, tables->at);
    write_table_member("to", "", tables->to);
    write_table_member("in", "", tables->in);
    write_table_member("number_to", "", tables->number_to);
    write_table_member("value", "&", tables->value);
    write_table_member("parts", "", tables->parts);
    fprintf(out, ", .part_count = %u", (unsigned)rule->part_count);
    write_text_member("lookup", rule->lookup);
    write_list_member("property", rule->property.count, tables->property);
    write_text_member("read", rule->read);
    write_text_member("write", rule->write);
    fprintf(out, ", .length_max = %u, .items_min = %u, .items_max = %u, .least = %d, .most = %d",
            (unsigned)rule->length_max, (unsigned)rule->items_min, (unsigned)rule->items_max,
            (int)rule->least, (int)rule->most);
    fprintf(out, ", .is_required = %d, .keeps_empty = %d, .to_utc = %d", rule->is_required,
            rule->keeps_empty, rule->to_utc);
    write_list_member("rules", rule->rules.count, tables->rules);
    write_list_member("otherwise", rule->otherwise.count, tables->otherwise);
    fputs("},\n", out);
}

static unsigned write_rules(const struct mapping_rules *rules)
{
    if (!rules->count)
        return 0;
    struct rule_tables *tables = memory_new(rules->count * sizeof *tables);
    for (uint32_t i = 0; i < rules->count; i++)
        tables[i] = write_rule_tables(&rules->list[i]);
    fprintf(out, "static const struct mapping_rule t%u[] = {\n", ++table_count);
    for (uint32_t i = 0; i < rules->count; i++)
        write_rule(&rules->list[i], &tables[i]);
    fputs("};\n", out);
    free(tables);
    return table_count;
}

static void write_mapping(const char *name, const char *path, const struct mapping *mapping)
{
    fprintf(out, "/* Made from %s by mapping_table. */\n#include \"sluice/mapping_rules.h\"\n\n", path);
    fprintf(out, "extern const struct mapping %s;\n", name);
    unsigned rules = write_rules(&mapping->rules);
    fprintf(out, "const struct mapping %s = {.starts_empty = %d, .is_tolerant = %d, .rule_count = %u",
            name, mapping->starts_empty, mapping->is_tolerant, (unsigned)mapping->rule_count);
    write_list_member("rules", mapping->rules.count, rules);
    fputs("};\n", out);
}

static cJSON *read_document(const char *path, struct text *why)
{
    struct text bytes = {0};
    FILE *file = fopen(path, "rb");
    if (!file) {
        text_set(why, "cannot be opened");
        return NULL;
    }
    text_room(&bytes, FILE_SIZE_MAX);
    bytes.size = fread(bytes.data, 1, FILE_SIZE_MAX, file);
    fclose(file);
    cJSON *document = json_read(bytes.data, bytes.size, why);
    text_release(&bytes);
    return document;
}

int main(int argc, char **argv)
{
    struct text why = {0};
    struct mapping_document document;
    if (argc != 4) {
        fputs("usage: mapping_table NAME MAPPING.json OUTPUT.c\n", stderr);
        return 2;
    }
    cJSON *json = read_document(argv[2], &why);
    if (!json || !mapping_compile(json, &document, &why)) {
        fprintf(stderr, "%s: %s\n", argv[2], text_string(&why));
        return 1;
    }
    const char *name = strrchr(argv[2], '/');
    out = fopen(argv[3], "w");
    if (out)
        write_mapping(argv[1], name ? name + 1 : argv[2], document.mapping);
    if (!out || fclose(out) != 0) {
        fprintf(stderr, "%s cannot be written\n", argv[3]);
        return 1;
    }
    mapping_release(&document);
    cJSON_Delete(json);
    return 0;
}
