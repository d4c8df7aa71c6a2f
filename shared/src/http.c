/* SPDX-License-Identifier: MIT */
/* REST services and Object Storage; see http.h. */
#include "sluice/http.h"

#include "sluice/file.h"
#include "sluice/imports.h"

#define RESULT_ROOM 4095 /* as in ftp.c */
#define BODY_ROOM 1023

int32_t http_request(const char *connection, const char *method, const char *path, const char *json,
                     size_t json_size, int *status, struct text *answer)
{
    *status = 0;
    text_clear(answer);
    int32_t response = sluice_http_request(
        SLUICE_STRING(connection), SLUICE_STRING(method), SLUICE_STRING(path),
        SLUICE_STRING(json_size ? "application/json" : ""), json, (uint32_t)json_size);
    if (response < 0)
        return response;
    *status = http_status(response);
    http_body(response, answer);
    file_close(response);
    return SLUICE_OK;
}

int http_status(int32_t response)
{
    int32_t status = sluice_http_status(response);
    return status > 0 ? status : 0;
}

int32_t http_header(int32_t response, const char *name, struct text *value)
{
    int32_t result;
    text_clear(value);
    text_room(value, BODY_ROOM);
    do {
        result = sluice_http_header(response, SLUICE_STRING(name), value->data,
                                    (uint32_t)value->capacity);
    } while (text_must_repeat(value, result));
    return result;
}

int32_t http_body(int32_t response, struct text *body)
{
    int32_t result;
    text_clear(body);
    text_room(body, BODY_ROOM);
    do {
        result = sluice_http_body(response, body->data, (uint32_t)body->capacity);
    } while (text_must_repeat(body, result));
    return result;
}

int32_t object_list(const char *connection, const char *bucket, const char *prefix)
{
    return sluice_http_object_list(SLUICE_STRING(connection), SLUICE_STRING(bucket),
                                   SLUICE_STRING(prefix));
}

int32_t object_open(const char *connection, const char *bucket, const char *name)
{
    return sluice_http_object_open(SLUICE_STRING(connection), SLUICE_STRING(bucket),
                                   SLUICE_STRING(name));
}

int32_t object_store(const char *connection, const char *bucket, const char *name, int32_t file,
                     struct text *receipt)
{
    text_clear(receipt);
    text_room(receipt, RESULT_ROOM);
    int32_t result =
        sluice_http_object_store(SLUICE_STRING(connection), SLUICE_STRING(bucket),
                                 SLUICE_STRING(name), file, receipt->data, RESULT_ROOM);
    text_must_repeat(receipt, result);
    return result < 0 ? result : SLUICE_OK;
}

int32_t object_stat(const char *connection, const char *bucket, const char *name,
                    struct sluice_file_info *info)
{
    return sluice_http_object_stat(SLUICE_STRING(connection), SLUICE_STRING(bucket),
                                   SLUICE_STRING(name), info);
}

int32_t object_rename(const char *connection, const char *bucket, const char *from, const char *to,
                      struct text *name_used)
{
    text_clear(name_used);
    text_room(name_used, RESULT_ROOM);
    int32_t result = sluice_http_object_rename(SLUICE_STRING(connection), SLUICE_STRING(bucket),
                                               SLUICE_STRING(from), SLUICE_STRING(to),
                                               name_used->data, RESULT_ROOM);
    text_must_repeat(name_used, result);
    return result < 0 ? result : SLUICE_OK;
}
