/* SPDX-License-Identifier: MIT */
/* Members, kinds, words; see api_body.h. */
#include "server/api_body.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

#define NAMES_MAX 64
#define PATH_SIZE 128

/* What is looked at: "connectionProperties[2].propertyName" is its name in errors. */
struct place {
    const char *path;
    struct error *err;
};

static bool unknown_member(const struct place *place, const struct api_schema *schema,
                           const char *name)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (; count < schema->field_count && count < NAMES_MAX; count++)
        names[count] = schema->fields[count].name;
    const char *nearest = text_nearest(name, names, count);
    return error_set(place->err, ERROR_INVALID, "the body's member \"%s%.64s\" is not known%s%s%s",
                     place->path, name, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                     nearest ? "\"?" : "");
}

static bool wrong(const struct place *place, const struct api_field *field, const char *wanted)
{
    return error_set(place->err, ERROR_INVALID, "the body's member \"%s%s\" must be %s", place->path,
                     field->name, wanted);
}

static bool check_words(const struct place *place, const struct api_field *field, const char *text)
{
    size_t count = 0;
    struct buf legal;
    for (; field->words[count]; count++)
        if (strcmp(field->words[count], text) == 0)
            return true;
    const char *nearest = text_nearest(text, field->words, count);
    buf_init(&legal, ERROR_MESSAGE_SIZE);
    buf_append_text(&legal, "one of");
    for (size_t i = 0; i < count; i++)
        buf_printf(&legal, "%s \"%s\"", i ? "," : "", field->words[i]);
    if (nearest)
        buf_printf(&legal, "; did you mean \"%s\"?", nearest);
    wrong(place, field, buf_text(&legal));
    buf_release(&legal);
    return false;
}

static bool check_number(const struct place *place, const struct api_field *field,
                         const cJSON *value)
{
    char wanted[96] = "a whole number";
    bool is_ranged = field->min != 0 || field->max != 0;
    double number = value->valuedouble;
    bool ok = cJSON_IsNumber(value) && floor(number) == number && fabs(number) < 9007199254740992.0;
    if (is_ranged)
        snprintf(wanted, sizeof wanted, "a whole number from %lld to %lld", (long long)field->min,
                 (long long)field->max);
    if (ok && is_ranged)
        ok = number >= (double)field->min && number <= (double)field->max;
    return ok || wrong(place, field, wanted);
}

static bool check_texts(const struct place *place, const struct api_field *field,
                        const cJSON *value, bool is_right_container)
{
    bool ok = is_right_container;
    for (const cJSON *one = value->child; ok && one; one = one->next)
        ok = cJSON_IsString(one);
    return ok || wrong(place, field, field->kind == API_MAP ? "an object of texts"
                                                            : "a list of texts");
}

/* One level of nesting is all that the API's bodies have: no recursion on outside data. */
static bool check_object(const struct place *place, const struct api_schema *schema,
                         const cJSON *object, bool may_nest);

static bool check_list(const struct place *place, const struct api_field *field, const cJSON *value)
{
    char path[PATH_SIZE];
    size_t index = 0;
    if (!cJSON_IsArray(value))
        return wrong(place, field, "a list of objects");
    for (const cJSON *one = value->child; one; one = one->next, index++) {
        snprintf(path, sizeof path, "%s%s[%zu].", place->path, field->name, index);
        const struct place inner = {path, place->err};
        if (!cJSON_IsObject(one))
            return wrong(place, field, "a list of objects");
        if (!check_object(&inner, field->of, one, false))
            return false;
    }
    return true;
}

static bool check_value(const struct place *place, const struct api_field *field,
                        const cJSON *value, bool may_nest)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s%s.", place->path, field->name);
    const struct place inner = {path, place->err};
    switch (field->kind) {
    case API_TEXT:
    case API_TIME:
        if (!cJSON_IsString(value))
            return wrong(place, field, "text");
        return !field->words || check_words(place, field, value->valuestring);
    case API_NUMBER:
        return check_number(place, field, value);
    case API_FLAG:
        return cJSON_IsBool(value) || wrong(place, field, "true or false");
    case API_TEXTS:
        return check_texts(place, field, value, cJSON_IsArray(value));
    case API_MAP:
        return check_texts(place, field, value, cJSON_IsObject(value));
    case API_LIST:
        return may_nest && check_list(place, field, value);
    case API_OBJECT:
        if (!cJSON_IsObject(value))
            return wrong(place, field, "an object");
        return may_nest && check_object(&inner, field->of, value, false);
    }
    return false;
}

static const struct api_field *find_field(const struct api_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->field_count; i++)
        if (strcmp(schema->fields[i].name, name) == 0)
            return &schema->fields[i];
    return NULL;
}

static bool check_object(const struct place *place, const struct api_schema *schema,
                         const cJSON *object, bool may_nest)
{
    for (const cJSON *value = object->child; value; value = value->next) {
        const struct api_field *field = find_field(schema, value->string);
        if (!field)
            return unknown_member(place, schema, value->string);
        bool lacks = cJSON_IsNull(value) && field->may_lack;
        if (!lacks && !check_value(place, field, value, may_nest))
            return false;
    }
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct api_field *field = &schema->fields[i];
        if (!field->may_lack && !cJSON_GetObjectItemCaseSensitive(object, field->name))
            return error_set(place->err, ERROR_INVALID, "the body's member \"%s%s\" is missing (%s)",
                             place->path, field->name, field->about);
    }
    return true;
}

bool api_body_check(const struct api_schema *schema, const cJSON *body, struct error *err)
{
    const struct place place = {"", err};
    if (!cJSON_IsObject(body))
        return error_set(err, ERROR_INVALID, "the body must be an object: { ... }");
    return check_object(&place, schema, body, true);
}
