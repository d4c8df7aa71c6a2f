/* SPDX-License-Identifier: MIT */
/* Reads DACS's acknowledgements in all their forms and writes CCS's one; see acknowledgement.h. */
#include "acknowledgement.h"

#include <string.h>

#include "sluice/flow.h"
#include "sluice/lookup.h"

#define WRAPPERS_MAX 3 /* objects around the object that has the members */
#define SHOWN_SIZE_MAX 100u
#define CATEGORY_DEFAULT 11114 /* messages of integrations */
#define NUMBER_DEFAULT 11001   /* the message that shows DACS's text */
#define NO_MESSAGE "DACS reported an error without a message."

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* externalReferenceId is column 1 of the extract file: the CCS request. A syncRequestId beside it
 * is DACS's own. */
static const char *const id_names[] = {"externalReferenceId", "sourceSyncRequestId",
                                       "syncRequestId"};

static bool refuse(struct fault *fault, const char *why)
{
    fault_set(fault, "invalid_message", "The acknowledgement cannot be used",
              "The acknowledgement %s. Nothing was sent to CCS.", why);
    return false;
}

/* ---- the object and its request ----------------------------------------------------------- */

static bool has_id_member(const cJSON *object)
{
    for (size_t i = 0; i < COUNT(id_names); i++)
        if (json_member(object, id_names[i]))
            return true;
    return false;
}

/* {"sendDetails": {...}} and the like: an object that has an id, or else the only object inside. */
static const cJSON *unwrap(const cJSON *object)
{
    for (int i = 0; i < WRAPPERS_MAX && !has_id_member(object); i++) {
        const cJSON *inner = json_member(object, "sendDetails");
        if (!inner && cJSON_GetArraySize(object) == 1)
            inner = object->child;
        if (!cJSON_IsObject(inner))
            break;
        object = inner;
    }
    return object;
}

static bool is_usable_id(const struct text *id)
{
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    return id->size <= ACKNOWLEDGEMENT_ID_SIZE_MAX && strspn(text_string(id), legal) == id->size;
}

static bool read_id(struct acknowledgement *ack, struct fault *fault)
{
    for (size_t i = 0; i < COUNT(id_names); i++)
        if (json_member_text(ack->inner, id_names[i], &ack->id))
            break;
    if (ack->id.size == 0)
        return refuse(fault, "names no sync request: externalReferenceId, sourceSyncRequestId or "
                             "syncRequestId is expected");
    return is_usable_id(&ack->id) ||
           refuse(fault, "names its sync request by something else than 1 to 60 letters, digits, "
                         "'-' and '_'");
}

/* ---- positive or negative ----------------------------------------------------------------- */

/* The member that lists what went wrong; NULL: none, or an empty one. */
static const cJSON *errors_of(const struct acknowledgement *ack)
{
    static const char *const names[] = {"exceptionInfo", "exceptionInformation", "messageList",
                                        "errorMessage"};
    for (size_t i = 0; i < COUNT(names); i++) {
        const cJSON *errors = json_member(ack->inner, names[i]);
        bool is_filled = (cJSON_IsArray(errors) || cJSON_IsObject(errors)) && errors->child;
        if (is_filled || (cJSON_IsString(errors) && errors->valuestring[0]))
            return errors;
    }
    return NULL;
}

static bool has_part(const char *word, const char *const *parts, size_t count)
{
    char upper[64];
    size_t size = 0;
    for (; word[size] && size < sizeof upper - 1; size++)
        upper[size] =
            word[size] >= 'a' && word[size] <= 'z' ? (char)(word[size] - 'a' + 'A') : word[size];
    upper[size] = '\0';
    for (size_t i = 0; i < count; i++)
        if (strstr(upper, parts[i]))
            return true;
    return false;
}

/* Status codes are configuration of DACS: words are told by their stems, the bad ones first. */
static bool read_status_word(const char *word, bool *is_negative)
{
    static const char *const bad[] = {"ERR",   "FAIL",    "REJ",    "EXC",    "NACK",   "NEG",
                                      "INVAL", "DISCARD", "CANCEL", "UNSUCC", "INCOMPL"};
    static const char *const good[] = {"SUCC", "OK",  "LOAD", "COMPL", "SYNC", "ACC",
                                       "POS",  "ACK", "PROC", "DONE",  "PASS", "ACTIVE"};
    *is_negative = has_part(word, bad, COUNT(bad));
    return *is_negative || has_part(word, good, COUNT(good));
}

static bool read_flag(const cJSON *member, bool *value)
{
    struct text word = {0};
    json_value_text(member, &word);
    const char *const yes[] = {"true", "y", "yes", "1"}, *const no[] = {"false", "n", "no", "0"};
    bool is_known = false;
    for (size_t i = 0; i < COUNT(yes) && !is_known; i++) {
        *value = word_is_same(text_string(&word), yes[i]);
        is_known = *value || word_is_same(text_string(&word), no[i]);
    }
    text_release(&word);
    return is_known;
}

static bool refuse_word(struct fault *fault, const char *name, const cJSON *member)
{
    struct text value = {0}, why = {0};
    json_value_text(member, &value);
    text_add_format(&why, "has a %s that says neither yes nor no: \"", name);
    text_add_printable(&why, text_string(&value), SHOWN_SIZE_MAX);
    text_add(&why, "\"");
    refuse(fault, text_string(&why));
    text_release(&value);
    text_release(&why);
    return false;
}

/* The first of hasError, isInError, ackStatus, boStatus decides; without any, the error list. */
static bool read_polarity(struct acknowledgement *ack, struct fault *fault)
{
    static const char *const flags[] = {"hasError", "isInError"};
    static const char *const statuses[] = {"ackStatus", "boStatus"};
    for (size_t i = 0; i < COUNT(flags); i++) {
        const cJSON *member = json_member(ack->inner, flags[i]);
        if (member && !cJSON_IsNull(member))
            return read_flag(member, &ack->is_negative) || refuse_word(fault, flags[i], member);
    }
    ack->is_negative = errors_of(ack) != NULL;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        const cJSON *member = json_member(ack->inner, statuses[i]);
        if (cJSON_IsString(member) && member->valuestring[0])
            return read_status_word(member->valuestring, &ack->is_negative) ||
                   (ack->is_negative = errors_of(ack) != NULL) ||
                   refuse_word(fault, statuses[i], member);
    }
    return true;
}

bool acknowledgement_read(struct acknowledgement *ack, const char *bytes, size_t size,
                          struct fault *fault)
{
    struct text why = {0};
    ack->message = json_read(bytes, size, &why);
    if (!ack->message)
        return refuse(fault, text_string(&why));
    if (!cJSON_IsObject(ack->message))
        return refuse(fault, "is not a JSON object");
    ack->inner = unwrap(ack->message);
    return read_id(ack, fault) && read_polarity(ack, fault);
}

/* ---- CCS's form --------------------------------------------------------------------------- */

static void add_cut(cJSON *object, const char *name, const char *value, size_t characters_max)
{
    struct text cut = {0};
    text_add_bytes(&cut, value, utf8_prefix(value, characters_max));
    json_add_text(object, name, text_string(&cut));
    text_release(&cut);
}

/* false: there are as many as CCS can number. */
static bool add_parameter(cJSON *parameters, const char *value)
{
    int sequence = cJSON_GetArraySize(parameters) + 1;
    if (sequence > ACKNOWLEDGEMENT_SEQUENCE_MAX)
        return false;
    cJSON *parameter = json_object();
    cJSON_AddNumberToObject(parameter, "parameterSequence", sequence);
    add_cut(parameter, "messageParameterValue", value, ACKNOWLEDGEMENT_VALUE_MAX);
    cJSON_AddItemToArray(parameters, parameter);
    return true;
}

/* The texts of one error of DACS: its parameters, else its message. */
static void add_parameters(cJSON *parameters, const cJSON *error)
{
    static const char *const texts[] = {"messageText", "errorMessage", "message", "text",
                                        "description"};
    struct text value = {0};
    const cJSON *given = json_member(error, "messageParameters"), *item;
    for (item = given ? given->child : NULL; item; item = item->next) {
        text_clear(&value);
        if ((json_member_text(item, "messageParameterValue", &value) ||
             json_member_text(item, "value", &value) || json_value_text(item, &value)) &&
            !add_parameter(parameters, text_string(&value)))
            break;
    }
    for (size_t i = 0; i < COUNT(texts) && !cJSON_GetArraySize(parameters); i++) {
        text_clear(&value);
        if (json_member_text(error, texts[i], &value))
            add_parameter(parameters, text_string(&value));
    }
    text_clear(&value);
    if (!cJSON_GetArraySize(parameters) && json_value_text(error, &value) && value.size)
        add_parameter(parameters, text_string(&value));
    text_release(&value);
}

struct message_key {
    int category, number;
};

/* DACS's own category and number mean nothing in CCS, which shows DACS's text by a message of its
 * own; they are kept in the comments. */
static void add_comments(cJSON *exception, const cJSON *error)
{
    struct text comments = {0}, category = {0}, number = {0};
    if (!json_member_text(error, "comments", &comments) &&
        json_member_text(error, "messageCategory", &category) &&
        json_member_text(error, "messageNumber", &number))
        text_add_format(&comments, "DACS message %s, %s", text_string(&category),
                        text_string(&number));
    if (comments.size)
        add_cut(exception, "comments", text_string(&comments), ACKNOWLEDGEMENT_COMMENTS_MAX);
    text_release(&comments);
    text_release(&category);
    text_release(&number);
}

static void add_exception(cJSON *exceptions, const cJSON *error, int sequence,
                          const struct message_key *key)
{
    cJSON *exception = json_object(), *parameters = json_array();
    cJSON_AddNumberToObject(exception, "sequence", sequence);
    cJSON_AddNumberToObject(exception, "messageCategory", key->category);
    cJSON_AddNumberToObject(exception, "messageNumber", key->number);
    add_comments(exception, error);
    add_parameters(parameters, error);
    if (!cJSON_GetArraySize(parameters))
        add_parameter(parameters, NO_MESSAGE);
    cJSON_AddItemToObject(exception, "messageParameters", parameters);
    cJSON_AddItemToArray(exceptions, exception);
}

static cJSON *exceptions_for_ccs(const struct acknowledgement *ack, const struct message_key *key)
{
    cJSON *exceptions = json_array();
    const cJSON *errors = errors_of(ack);
    const cJSON *error = cJSON_IsArray(errors) ? errors->child : errors;
    int sequence = 1;
    do {
        add_exception(exceptions, error, sequence++, key);
        error = cJSON_IsArray(errors) ? error->next : NULL;
    } while (error && sequence <= ACKNOWLEDGEMENT_SEQUENCE_MAX);
    if (error)
        flow_log("acknowledgement has more than %d messages; the rest is left out",
                 ACKNOWLEDGEMENT_SEQUENCE_MAX);
    return exceptions;
}

/* One row of keys that DACS gave the entity; NULL: there is none. */
static cJSON *entity_for_ccs(const cJSON *given)
{
    static const char *const names[] = {"externalPk1", "externalPk2", "externalPk3", "externalPk4",
                                        "externalPk5"};
    static const char *const other_names[] = {"pkValue1", "pkValue2", "pkValue3", "pkValue4",
                                              "pkValue5"};
    cJSON *entity = json_object();
    struct text value = {0};
    if (json_member_text(given, "entity", &value))
        json_add_text(entity, "entity", text_string(&value));
    bool has_key = false;
    for (size_t i = 0; i < COUNT(names); i++) {
        text_clear(&value);
        if (!json_member_text(given, names[i], &value) &&
            !json_member_text(given, other_names[i], &value))
            continue;
        json_add_text(entity, names[i], text_string(&value));
        has_key = true;
    }
    text_release(&value);
    if (has_key)
        return entity;
    cJSON_Delete(entity);
    return NULL;
}

static void add_external_ids(cJSON *body, const struct acknowledgement *ack)
{
    const cJSON *list = json_member(ack->inner, "entityIdList"), *item;
    if (!list)
        list = json_member(json_member(ack->inner, "externalIds"), "entityIdList");
    cJSON *entities = json_array(), *entity;
    for (item = list ? list->child : NULL; item; item = item->next)
        if ((entity = entity_for_ccs(item)))
            cJSON_AddItemToArray(entities, entity);
    if (!cJSON_GetArraySize(entities) && (entity = entity_for_ccs(ack->inner)))
        cJSON_AddItemToArray(entities, entity);
    if (!cJSON_GetArraySize(entities)) {
        cJSON_Delete(entities);
        return;
    }
    cJSON *ids = json_object();
    cJSON_AddItemToObject(ids, "entityIdList", entities);
    cJSON_AddItemToObject(body, "externalIds", ids);
}

static bool read_message_key(struct message_key *key, struct fault *fault)
{
    return lookup_number("ccs.error.ack.message.category", "ccs.error.ack.messagecategory",
                         CATEGORY_DEFAULT, &key->category, fault) &&
           lookup_number("ccs.error.ack.message.number", "ccs.error.ack.messagenumber",
                         NUMBER_DEFAULT, &key->number, fault);
}

bool acknowledgement_for_ccs(const struct acknowledgement *ack, struct text *out,
                             struct fault *fault)
{
    struct message_key key = {0, 0};
    if (ack->is_negative && !read_message_key(&key, fault))
        return false;
    cJSON *body = json_object();
    json_add_text(body, "syncRequestId", text_string(&ack->id));
    cJSON_AddBoolToObject(body, "hasError", ack->is_negative);
    if (ack->is_negative)
        cJSON_AddItemToObject(body, "exceptionInfo", exceptions_for_ccs(ack, &key));
    add_external_ids(body, ack);
    json_print(body, out);
    cJSON_Delete(body);
    return true;
}
