/* SPDX-License-Identifier: MIT */
/* Compiles mapping documents; see mapping.h. What keys a rule may have is in mapping_keys.c. */
#include "mapping_compile.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_SIZE_MAX 60u
#define ERROR_SIZE_MAX 500u /* of one error */
#define NAME_SIZE_MAX 32u
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *const mapping_kind_names[MAPPING_KIND_COUNT] = {
#define NAME(enumerator, name) name,
    MAPPING_KINDS(NAME)
#undef NAME
};

/* ---- memory ------------------------------------------------------------------------------- */

struct block {
    struct block *next;
    max_align_t bytes[]; /* aligned for anything */
};

void *compiler_keep(struct compiler *compiler, size_t size)
{
    struct block *block = memory_new(sizeof *block + size);
    block->next = compiler->blocks;
    compiler->blocks = block;
    return block->bytes;
}

char *compiler_copy(void *compiler, const char *bytes, size_t size)
{
    char *copy = compiler_keep(compiler, size + 1);
    memcpy(copy, bytes, size);
    return copy;
}

void mapping_release(struct mapping_document *document)
{
    for (struct block *block = document->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    *document = (struct mapping_document){0};
}

/* ---- errors ------------------------------------------------------------------------------- */

bool compiler_error(struct compiler *compiler, const char *format, ...)
{
    struct text told = {0};
    va_list args;
    if (++compiler->error_count > MAPPING_ERRORS_MAX)
        return false;
    text_add_format(compiler->errors, "%s: ", compiler->label);
    if (compiler->key)
        text_add_format(compiler->errors, "\"%s\": ", compiler->key);
    va_start(args, format);
    text_add_arguments(&told, format, args);
    va_end(args);
    text_add_printable(compiler->errors, text_string(&told), ERROR_SIZE_MAX);
    text_add(compiler->errors, "\n");
    text_release(&told);
    return false;
}

/* Letters to insert, delete or change (Levenshtein); b is a name of ours. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_SIZE_MAX + 1], b_size = strlen(b);
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; *a && i <= 2 * NAME_SIZE_MAX; i++, a++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t best = diagonal + (*a != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_size];
}

bool compiler_unknown(struct compiler *compiler, const char *given, const char *what,
                      const char *const *names, size_t count)
{
    size_t nearest = 0;
    for (size_t i = 1; i < count; i++)
        if (distance(given, names[i]) < distance(given, names[nearest]))
            nearest = i;
    struct text shown = {0};
    text_add_printable(&shown, given, SHOWN_SIZE_MAX);
    compiler_error(compiler, "\"%s\" is not %s; did you mean \"%s\"?", text_string(&shown), what,
                   names[nearest]);
    text_release(&shown);
    return false;
}

bool compiler_no_doubles(struct compiler *compiler, const cJSON *object)
{
    for (const cJSON *member = object->child; member; member = member->next)
        for (const cJSON *other = object->child; other != member; other = other->next)
            if (strcmp(other->string, member->string) == 0)
                return compiler_error(compiler, "\"%.60s\" is there twice", member->string);
    return true;
}

/* ---- rules and the document --------------------------------------------------------------- */

static bool read_kind(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    const cJSON *kind = cJSON_GetObjectItemCaseSensitive(value, "rule");
    if (!cJSON_IsObject(value) || !cJSON_IsString(kind))
        return compiler_error(compiler, "must be an object with a \"rule\", as {\"rule\": \"copy\", "
                                        "\"from\": \"/a\", \"to\": \"/b\"}");
    for (unsigned i = 0; i < COUNT(mapping_kind_names); i++)
        if (strcmp(kind->valuestring, mapping_kind_names[i]) == 0) {
            rule->kind = (enum mapping_kind)i;
            return true;
        }
    return compiler_unknown(compiler, kind->valuestring, "a rule", mapping_kind_names, COUNT(mapping_kind_names));
}

static bool read_rule(struct compiler *compiler, const cJSON *value, struct mapping_rule *rule)
{
    rule->least = -INT32_MAX;
    rule->most = INT32_MAX;
    if (!read_kind(compiler, value, rule))
        return false;
    struct text label = {0};
    text_add_format(&label, "%s (%s)", compiler->label, mapping_kind_names[rule->kind]);
    rule->label = compiler->label = compiler_copy(compiler, text_string(&label), label.size);
    text_release(&label);
    bool ok = compiler_no_doubles(compiler, value);
    for (const cJSON *member = value->child; member; member = member->next)
        ok = read_key(compiler, member, rule) && ok;
    return ok && check_keys(compiler, value, rule);
}

/* The label of a rule inside another: "rule 3 (repeat)" and 2 make "rule 3.2". */
static const char *label_of(struct compiler *compiler, const char *outer, const char *branch,
                            unsigned number)
{
    struct text label = {0};
    if (strncmp(outer, "rule ", 5) == 0)
        text_add_format(&label, "%.*s.%s%u", (int)strcspn(outer + 5, " ") + 5, outer, branch,
                        number);
    else
        text_add_format(&label, "rule %u", number);
    const char *copy = compiler_copy(compiler, text_string(&label), label.size);
    text_release(&label);
    return copy;
}

static bool read_each(struct compiler *compiler, const cJSON *value, struct mapping_rules *out,
                      const char *branch)
{
    const char *outer = compiler->label;
    struct mapping_rule *rule = compiler_keep(compiler, out->count * sizeof *rule);
    uint32_t first = compiler->rule_count, number = 0;
    bool ok = true;
    out->list = rule;
    compiler->rule_count += out->count;
    for (const cJSON *item = value->child; item; item = item->next, rule++) {
        rule->number = first + number;
        compiler->label = label_of(compiler, outer, branch, ++number);
        compiler->key = NULL;
        ok = read_rule(compiler, item, rule) && ok;
    }
    compiler->label = outer;
    return ok;
}

bool read_rules(struct compiler *compiler, const cJSON *value, struct mapping_rules *out,
                const char *branch)
{
    out->count = (uint32_t)cJSON_GetArraySize(value);
    if (!cJSON_IsArray(value))
        return compiler_error(compiler, "must be a list of rules");
    if (out->count > MAPPING_RULES_MAX || compiler->rule_count + out->count > MAPPING_RULES_MAX)
        return compiler_error(compiler, "has more rules than the %d that a mapping may have",
                              MAPPING_RULES_MAX);
    if (compiler->depth == MAPPING_DEPTH_MAX)
        return compiler_error(compiler, "has rules inside rules more than %d deep",
                              MAPPING_DEPTH_MAX);
    compiler->depth++;
    bool ok = read_each(compiler, value, out, branch);
    compiler->depth--;
    return ok;
}

/* The word that key has, one of two; the first one where it is absent. */
static bool read_choice(struct compiler *compiler, const cJSON *document, const char *key,
                        const char *const words[2], bool *is_second)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(document, key);
    const char *word = words[0];
    compiler->key = key;
    bool ok = !value || read_text(compiler, value, &word);
    *is_second = strcmp(word, words[1]) == 0;
    if (ok && !*is_second && strcmp(word, words[0]) != 0)
        ok = compiler_unknown(compiler, word, "a word for it", words, 2);
    compiler->key = NULL;
    return ok;
}

static bool has_legal_keys(struct compiler *compiler, const cJSON *document)
{
    static const char *const names[] = {"mapping", "note", "start", "names", "rules"};
    bool ok = compiler_no_doubles(compiler, document);
    for (const cJSON *member = document->child; member; member = member->next) {
        size_t i = 0;
        while (i < COUNT(names) && strcmp(member->string, names[i]) != 0)
            i++;
        if (i == COUNT(names))
            ok = compiler_unknown(compiler, member->string, "a key of a mapping", names,
                                  COUNT(names));
    }
    return ok;
}

static bool has_version(struct compiler *compiler, const cJSON *document)
{
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(document, "mapping");
    return (cJSON_IsNumber(version) && version->valuedouble == 1) ||
           compiler_error(compiler, "needs \"mapping\": 1, the version of the language");
}

bool mapping_compile(const cJSON *document, struct mapping_document *out, struct text *errors)
{
    static const char *const starts[] = {"message", "empty"}, *const names[] = {"exact", "tolerant"};
    struct compiler compiler = {.errors = errors, .label = "mapping"};
    struct mapping *mapping = compiler_keep(&compiler, sizeof *mapping);
    bool ok = cJSON_IsObject(document) || compiler_error(&compiler, "must be an object");
    if (ok) {
        ok = has_legal_keys(&compiler, document) && has_version(&compiler, document);
        ok = read_choice(&compiler, document, "start", starts, &mapping->starts_empty) && ok;
        ok = read_choice(&compiler, document, "names", names, &mapping->is_tolerant) && ok;
        compiler.key = "rules";
        ok = read_rules(&compiler, cJSON_GetObjectItemCaseSensitive(document, "rules"),
                        &mapping->rules, "") && ok;
    }
    if (compiler.error_count > MAPPING_ERRORS_MAX)
        text_add_format(errors, "mapping: %u more errors are not shown\n",
                        (unsigned)compiler.error_count - MAPPING_ERRORS_MAX);
    mapping->rule_count = compiler.rule_count;
    *out = (struct mapping_document){.mapping = mapping, .blocks = compiler.blocks};
    return ok;
}
