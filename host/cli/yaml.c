/* SPDX-License-Identifier: MIT */
/* Lines with their indentation; see yaml.h. */
#include "cli/yaml.h"

#include <string.h>

#include "base/json.h"

#define TEXT_SIZE_MAX (1u << 20)

void yaml_init(struct yaml *yaml)
{
    *yaml = (struct yaml){0};
    buf_init(&yaml->text, TEXT_SIZE_MAX);
}

static void begin_line(struct yaml *yaml, const char *key)
{
    int depth = yaml->has_dash ? yaml->depth - 1 : yaml->depth;
    buf_printf(&yaml->text, "%*s%s", 2 * depth, "", yaml->has_dash || !key ? "- " : "");
    if (key)
        buf_printf(&yaml->text, "%s:", key);
    yaml->has_dash = false;
}

void yaml_comment(struct yaml *yaml, const char *text)
{
    buf_printf(&yaml->text, "%*s# %s\n", 2 * yaml->depth, "", text);
}

void yaml_document(struct yaml *yaml)
{
    buf_append_text(&yaml->text, "---\n");
}

void yaml_word(struct yaml *yaml, const char *key, const char *word)
{
    begin_line(yaml, key);
    buf_printf(&yaml->text, "%s%s\n", key ? " " : "", word);
}

/* A JSON text is a YAML one in double quotes (YAML 1.2.2, 1.2). */
void yaml_text(struct yaml *yaml, const char *key, const char *value)
{
    begin_line(yaml, key);
    buf_append_text(&yaml->text, key ? " " : "");
    json_append_text(&yaml->text, value, strlen(value));
    buf_append_char(&yaml->text, '\n');
}

void yaml_number(struct yaml *yaml, const char *key, int64_t value)
{
    begin_line(yaml, key);
    buf_printf(&yaml->text, "%s%lld\n", key ? " " : "", (long long)value);
}

void yaml_flag(struct yaml *yaml, const char *key, bool value)
{
    yaml_word(yaml, key, value ? "true" : "false");
}

void yaml_open(struct yaml *yaml, const char *key)
{
    begin_line(yaml, key);
    buf_append_char(&yaml->text, '\n');
    yaml->depth++;
}

void yaml_item(struct yaml *yaml)
{
    yaml->depth++;
    yaml->has_dash = true;
}

void yaml_close(struct yaml *yaml)
{
    yaml->depth--;
}
