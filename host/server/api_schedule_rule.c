/* SPDX-License-Identifier: MIT */
/* See api_schedule_rule.h. */
#include "server/api_schedule_rule.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/text.h"

/* ---- times ------------------------------------------------------------------------------------------- */

bool schedule_read_time(const char *text, char local[static SCHEDULE_TIME_SIZE])
{
    static const char *const forms[] = {"%m/%d/%Y|%H:%M:%S", "%Y-%m-%dT%H:%M:%S",
                                        "%Y-%m-%dT%H:%M"};
    for (size_t i = 0; i < API_COUNT(forms); i++) {
        struct tm when = {0};
        const char *end = strptime(text, forms[i], &when);
        if (end && !*end)
            return strftime(local, SCHEDULE_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &when) > 0;
    }
    return false;
}

void schedule_write_time(struct document *document, const char *key, const char *local)
{
    struct tm when = {0};
    char text[SCHEDULE_TIME_SIZE];
    if (!local || !strptime(local, strlen(local) > 16 ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%dT%H:%M", &when))
        return;
    strftime(text, sizeof text, "%m/%d/%Y|%H:%M:%S", &when);
    document_text(document, key, text);
}

/* ---- from OIC's simple form to a rule ----------------------------------------------------------------- */

struct list_form {
    const char *member, *part;
    const char *const *words; /* NULL: numbers */
    bool is_cut;              /* MONDAY becomes MO; else the place in the list, from 1 */
    int64_t min, max;
};

static const char *const day_words[] = {"MONDAY", "TUESDAY",  "WEDNESDAY", "THURSDAY",
                                        "FRIDAY", "SATURDAY", "SUNDAY",    NULL};
static const char *const month_words[] = {
    "JANUARY", "FEBRUARY", "MARCH",   "APRIL",    "MAY",      "JUNE", "JULY",
    "AUGUST",  "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER", NULL};
static const struct list_form list_forms[] = {
    {"daysOfWeek", "BYDAY", day_words, true, 0, 0},
    {"monthsOfYear", "BYMONTH", month_words, false, 0, 0},
    {"datesOfMonth", "BYMONTHDAY", NULL, false, -31, 31},
};

static bool append_word(const struct list_form *form, const char *text, struct buf *rule)
{
    int64_t number;
    for (int i = 0; form->words && form->words[i]; i++) {
        if (strcasecmp(form->words[i], text) != 0)
            continue;
        if (form->is_cut)
            buf_append(rule, form->words[i], 2);
        else
            buf_printf(rule, "%d", i + 1);
        return true;
    }
    if (form->words || !text_parse_int(text, form->min, form->max, &number) || number == 0)
        return false;
    buf_printf(rule, "%lld", (long long)number);
    return true;
}

static bool append_list(struct api_call *call, const cJSON *frequency, const struct list_form *form,
                        struct buf *rule)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(frequency, form->member);
    if (!cJSON_IsArray(list) || !list->child)
        return true;
    buf_printf(rule, ";%s=", form->part);
    for (const cJSON *one = list->child; one; one = one->next) {
        if (one != list->child)
            buf_append_char(rule, ',');
        if (!append_word(form, one->valuestring, rule))
            return api_fault(call, 400, "invalid", "frequency.%s: '%.32s' is none", form->member,
                             one->valuestring);
    }
    return true;
}

bool schedule_make_rule(struct api_call *call, const cJSON *frequency, bool has_start,
                        struct buf *rule)
{
    const char *kind =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(frequency, "frequencyType"));
    const cJSON *interval = cJSON_GetObjectItemCaseSensitive(frequency, "interval");
    if (strcmp(kind, "ONCE") == 0) {
        buf_append_text(rule, "FREQ=DAILY;COUNT=1");
        return has_start || api_fault(call, 400, "invalid", "frequencyType ONCE needs a startDate");
    }
    buf_printf(rule, "FREQ=%s", kind);
    if (cJSON_IsNumber(interval))
        buf_printf(rule, ";INTERVAL=%d", interval->valueint);
    for (size_t i = 0; i < API_COUNT(list_forms); i++)
        if (!append_list(call, frequency, &list_forms[i], rule))
            return false;
    return true;
}
