/* SPDX-License-Identifier: MIT */
/* OTLP's rules for answers and retries; see otlp_retry.h. */
#include "transfer/otlp_retry.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/json.h"
#include "base/text.h"
#include "transfer/otlp.h"

#define RETRY_AFTER_MAX_S 3600 /* a collector that wants more is asked again all the same */

static void take_message(struct otlp_verdict *verdict, const char *text)
{
    snprintf(verdict->message, sizeof verdict->message, "%.*s", OTLP_MESSAGE_SIZE - 1, text);
    for (char *at = verdict->message; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = ' ';
}

/* RFC 9110, 10.2.3: seconds or a date. */
static int64_t retry_after_of(const struct http_response *response, int64_t now_s)
{
    char value[64];
    int64_t seconds;
    if (!http_response_header(response, "retry-after", value, sizeof value))
        return -1;
    if (!text_parse_int(value, 0, INT64_MAX / 2000, &seconds)) {
        time_t date = curl_getdate(value, NULL);
        if (date < 0)
            return -1;
        seconds = date > now_s ? date - now_s : 0;
    }
    return seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S;
}

/* partialSuccess of an ExportTraceServiceResponse; rejectedSpans is a 64-bit number, so a text. */
static void read_partial(const struct http_response *response, struct otlp_verdict *verdict)
{
    cJSON *root = json_parse(buf_text(&response->body), response->body.size, "answer", JSON_STRICT,
                             NULL);
    const cJSON *partial = cJSON_GetObjectItemCaseSensitive(root, "partialSuccess");
    const cJSON *rejected = cJSON_GetObjectItemCaseSensitive(partial, "rejectedSpans");
    const char *message = partial ? json_text(partial, "errorMessage") : NULL;
    const char *digits = cJSON_GetStringValue(rejected);
    if (digits && !text_parse_int(digits, 0, INT64_MAX, &verdict->rejected))
        verdict->rejected = 0;
    if (cJSON_IsNumber(rejected) && rejected->valuedouble > 0 && rejected->valuedouble < 1e15)
        verdict->rejected = (int64_t)rejected->valuedouble;
    if (message)
        take_message(verdict, message);
    cJSON_Delete(root);
}

struct otlp_verdict otlp_judge(const struct http_response *response, int64_t now_s)
{
    struct otlp_verdict verdict = {.outcome = OTLP_REFUSED, .retry_after_s = -1};
    int status = response->status;
    if (status >= 200 && status < 300) {
        verdict.outcome = OTLP_TAKEN;
        read_partial(response, &verdict);
        return verdict;
    }
    if (status == 429 || status == 502 || status == 503 || status == 504) {
        verdict.outcome = OTLP_AGAIN;
        verdict.retry_after_s = retry_after_of(response, now_s);
    }
    snprintf(verdict.message, sizeof verdict.message, "HTTP status %d", status);
    return verdict;
}

/* A configuration that is wrong stays wrong; anything else may be over soon. */
struct otlp_verdict otlp_judge_error(const struct error *err)
{
    bool is_final = err->kind == ERROR_INVALID || err->kind == ERROR_CANCELLED;
    struct otlp_verdict verdict = {.outcome = is_final ? OTLP_REFUSED : OTLP_AGAIN,
                                   .retry_after_s = -1};
    take_message(&verdict, err->message);
    return verdict;
}

static uint32_t chance(uint32_t below)
{
    uint32_t number = 0;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return below / 2;
    return number % below;
}

int64_t otlp_pause_ms(const struct otlp_verdict *verdict, unsigned tries)
{
    int64_t pause_ms = OTLP_RETRY_FIRST_MS;
    for (unsigned i = 1; i < tries && pause_ms < OTLP_RETRY_MAX_MS; i++)
        pause_ms *= 2;
    if (pause_ms > OTLP_RETRY_MAX_MS)
        pause_ms = OTLP_RETRY_MAX_MS;
    pause_ms = pause_ms / 2 + chance((uint32_t)pause_ms);
    int64_t wished_ms = verdict->retry_after_s * 1000;
    return wished_ms > pause_ms ? wished_ms : pause_ms;
}
