/* SPDX-License-Identifier: MIT */
/* One table of the lookups' properties; see properties.h. */
#include "workspace/properties.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "workspace/lookup.h"

const struct property properties[] = {
    {LOOKUP_CONFIG, "notification.type.email", PROPERTY_ON, NEED_ALWAYS,
     "how people are notified: email"},
    {LOOKUP_CONFIG, "notification.email.error.flag", PROPERTY_FLAG, NEED_ALWAYS,
     "whether errors are mailed"},
    {LOOKUP_CONFIG, "notification.email.process.complete.flag", PROPERTY_FLAG, NEED_ALWAYS,
     "whether the end of a file transfer is mailed"},
    {LOOKUP_CONFIG, "notification.email.process.nofile.flag", PROPERTY_FLAG, NEED_ALWAYS,
     "whether it is mailed that no file was found"},
    {LOOKUP_CONFIG, "ccs.ftp.custsync.input.directory", PROPERTY_TEXT, NEED_FTP_SOURCE,
     "directory at CCS where extract files lie"},
    {LOOKUP_CONFIG, "ccs.prefixtag.file.uploaded", PROPERTY_TEXT, NEED_ALWAYS,
     "put before the name of a file that was transferred"},
    {LOOKUP_CONFIG, "ccs.os.custsync.namespace", PROPERTY_TEXT, NEED_OS_SOURCE,
     "Object Storage namespace of CCS"},
    {LOOKUP_CONFIG, "ccs.os.custsync.bucketname", PROPERTY_TEXT, NEED_OS_SOURCE,
     "bucket at CCS where extract files lie"},
    {LOOKUP_CONFIG, "dacs.file.target.transfer.pref", PROPERTY_TARGET, NEED_ALWAYS,
     "where DACS takes files: ftp or os"},
    {LOOKUP_CONFIG, "dacs.ftp.custsync.output.directory", PROPERTY_TEXT, NEED_FTP_TARGET,
     "directory at DACS where files are put"},
    {LOOKUP_CONFIG, "dacs.os.custsync.namespace", PROPERTY_TEXT, NEED_OS_TARGET,
     "Object Storage namespace of DACS"},
    {LOOKUP_CONFIG, "dacs.os.custsync.bucketname", PROPERTY_TEXT, NEED_OS_TARGET,
     "bucket at DACS where files are put"},
    {LOOKUP_CONFIG, "ccs.error.ack.message.category", PROPERTY_NUMBER, NEED_ALWAYS,
     "message category of integration errors in CCS"},
    {LOOKUP_CONFIG, "ccs.error.ack.message.number", PROPERTY_NUMBER, NEED_ALWAYS,
     "message number that shows a DACS error in CCS"},
    {LOOKUP_EMAIL, "from", PROPERTY_ADDRESS, NEED_ALWAYS, "sender of all mails"},
    {LOOKUP_EMAIL, "to", PROPERTY_ADDRESSES, NEED_ALWAYS, "who gets error mails"},
    {LOOKUP_EMAIL, "to.process.notification", PROPERTY_ADDRESSES, NEED_ALWAYS,
     "who is told how a file transfer went"},
};

const size_t property_count = sizeof properties / sizeof properties[0];

const struct property *property_find(const char *lookup, const char *name)
{
    for (size_t i = 0; i < property_count; i++)
        if (strcmp(properties[i].lookup, lookup) == 0 && text_same_name(properties[i].name, name))
            return &properties[i];
    return NULL;
}

static bool is_one_of(const char *value, const char *a, const char *b)
{
    return strcasecmp(value, a) == 0 || strcasecmp(value, b) == 0;
}

/* Something, one '@', something; the mail capability is stricter when it sends. */
static bool is_address(const char *text, size_t size)
{
    while (size > 0 && *text == ' ') {
        text++;
        size--;
    }
    while (size > 0 && text[size - 1] == ' ')
        size--;
    const char *at = memchr(text, '@', size);
    if (!at || at == text || at + 1 == text + size)
        return false;
    return !memchr(at + 1, '@', (size_t)(text + size - at - 1)) && !memchr(text, ' ', size);
}

static bool is_address_list(const char *text)
{
    for (;;) {
        size_t size = strcspn(text, ",");
        if (!is_address(text, size))
            return false;
        if (!text[size])
            return true;
        text += size + 1;
    }
}

const char *property_complaint(const struct property *property, const char *value)
{
    int64_t number;
    switch (property->kind) {
    case PROPERTY_TEXT:
        return *value ? NULL : "some text";
    case PROPERTY_FLAG:
        return is_one_of(value, "true", "false") ? NULL : "true or false";
    case PROPERTY_ON:
        return is_one_of(value, "email", "true") || strcasecmp(value, "false") == 0
                   ? NULL : "email (or false for no mails at all)";
    case PROPERTY_NUMBER:
        return text_parse_int(value, 0, 99999999, &number) ? NULL : "a whole number";
    case PROPERTY_TARGET:
        return is_one_of(value, "ftp", "os") ? NULL : "ftp or os";
    case PROPERTY_ADDRESS:
        return is_address(value, strlen(value)) ? NULL : "a mail address";
    case PROPERTY_ADDRESSES:
        return is_address_list(value) ? NULL : "mail addresses with commas between";
    }
    return NULL;
}

bool property_check(const char *lookup, const char *name, const char *value, struct error *err)
{
    const struct property *property = property_find(lookup, name);
    const char *complaint = property ? property_complaint(property, value) : NULL;
    return !complaint || error_set(err, ERROR_INVALID, "property '%s' (%s) must be %s, not '%.160s'",
                                   property->name, property->meaning, complaint, value);
}

bool property_check_all(const struct lookup *lookup, struct error *err)
{
    for (size_t i = 0; i < lookup->row_count; i++)
        if (!property_check(lookup->name, lookup->rows[i].key, lookup->rows[i].value, err))
            return false;
    return true;
}
