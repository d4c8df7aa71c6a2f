/* SPDX-License-Identifier: MIT */
/* A flow's view of its own execution; see flow.h. */
#include "sluice/flow.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sluice/file.h"
#include "sluice/http.h"
#include "sluice/imports.h"

#define VALUE_ROOM 256
#define MESSAGE_ROOM 4095 /* most messages arrive in one call */
#define NAME_SIZE_MAX 1000u

int32_t flow_input(struct text *body)
{
    int32_t result;
    text_clear(body);
    text_room(body, MESSAGE_ROOM);
    do {
        result = sluice_flow_input(body->data, (uint32_t)body->capacity);
    } while (text_must_repeat(body, result));
    return result;
}

int32_t flow_parameter(const char *name, struct text *value)
{
    int32_t result;
    text_clear(value);
    text_room(value, VALUE_ROOM);
    do {
        result = sluice_flow_parameter(SLUICE_STRING(name), value->data, (uint32_t)value->capacity);
    } while (text_must_repeat(value, result));
    return result;
}

void flow_about(const char *key, struct text *value)
{
    int32_t result;
    text_clear(value);
    text_room(value, VALUE_ROOM);
    do {
        result = sluice_flow_about(SLUICE_STRING(key), value->data, (uint32_t)value->capacity);
    } while (text_must_repeat(value, result));
}

int32_t flow_attachment(void)
{
    return sluice_flow_attachment();
}

int32_t flow_call(const char *flow, const char *message, size_t message_size, int32_t file,
                  int *status, struct text *answer)
{
    *status = 0;
    text_clear(answer);
    int32_t response = sluice_flow_call(SLUICE_STRING(FLOW_CONNECTION), SLUICE_STRING(flow),
                                        message, (uint32_t)message_size, file);
    if (response < 0)
        return response;
    *status = http_status(response);
    http_body(response, answer);
    file_close(response);
    return SLUICE_OK;
}

int32_t flow_respond(int status, const char *json, size_t size)
{
    return sluice_flow_respond((uint32_t)status, SLUICE_STRING("application/json"), json,
                               (uint32_t)size);
}

void flow_track(const char *name, const char *value)
{
    sluice_flow_track(SLUICE_STRING(name), SLUICE_STRING(value));
}

void flow_report_file(const char *name, enum sluice_file_state state, const char *detail)
{
    if (utf8_is_valid(name, strlen(name))) {
        sluice_flow_report_file(SLUICE_STRING(name), (uint32_t)state, SLUICE_STRING(detail));
        return;
    }
    struct text shown = {0};
    text_add_printable(&shown, name, NAME_SIZE_MAX);
    sluice_flow_report_file(SLUICE_STRING(text_string(&shown)), (uint32_t)state,
                            SLUICE_STRING(detail));
    text_release(&shown);
}

void flow_log(const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line - 1, format, args); /* room for the newline */
    va_end(args);
    if (length < 0)
        return;
    size_t size = strlen(line);
    line[size++] = '\n';
    line[size] = '\0';
    fputs(line, stderr); /* a service to people: the flow goes on when a line is lost */
}

void time_format(int64_t seconds, char text[TIME_TEXT_SIZE])
{
    /* Days to civil date over eras of 400 years that begin on 1 March (Hinnant's algorithm). */
    int64_t days = seconds / 86400 + 719468, rest = seconds % 86400;
    int64_t era = days / 146097, of_era = days % 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * of_year + 2) / 153;
    int64_t day = of_year - (153 * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t year = era * 400 + year_of_era + (month <= 2);
    char buffer[64];
    snprintf(buffer, sizeof buffer, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, (int)month,
             (int)day, (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
    memcpy(text, buffer, TIME_TEXT_SIZE - 1);
    text[TIME_TEXT_SIZE - 1] = '\0';
}

void time_now(char text[TIME_TEXT_SIZE])
{
    time_format((int64_t)time(NULL), text); /* timespec_get is not in Emscripten's library */
}
