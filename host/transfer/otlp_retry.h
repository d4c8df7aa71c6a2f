/* SPDX-License-Identifier: MIT */
/* What an answer of a trace collector means, and when a batch is tried again. Pure but for chance. */
#ifndef TRANSFER_OTLP_RETRY_H
#define TRANSFER_OTLP_RETRY_H
#include "transfer/transfer.h"

enum otlp_outcome {
    OTLP_TAKEN,   /* 2xx: all spans, or all but those rejected */
    OTLP_AGAIN,   /* throttled, not reachable: the same batch may be taken later */
    OTLP_REFUSED, /* it will never be taken */
};

#define OTLP_MESSAGE_SIZE 256

struct otlp_verdict {
    enum otlp_outcome outcome;
    int64_t rejected;     /* spans, of partialSuccess */
    int64_t retry_after_s; /* -1: the collector did not say */
    char message[OTLP_MESSAGE_SIZE]; /* a phrase for the log; "" if there is nothing to tell */
};

/* now_s: wall clock, for a Retry-After that is a date. */
struct otlp_verdict otlp_judge(const struct http_response *response, int64_t now_s);
struct otlp_verdict otlp_judge_error(const struct error *err);

/* Milliseconds until the next request after tries (1 or more) that had to be made again: what the
 * collector said, and never less than the pause of otlp.h. */
int64_t otlp_pause_ms(const struct otlp_verdict *verdict, unsigned tries);
#endif
