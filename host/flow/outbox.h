/* SPDX-License-Identifier: MIT */
/*
 * Delivery of the mails that flows handed over (store/store_outbox.h). A mail that the server refuses for
 * now, and one that finds no server, is tried again with growing pauses for days; one that it will never
 * take is given up at once. Recipients count one by one: who was refused for now is asked again, the rest
 * has the mail. A lost confirmation means that the mail is sent again, under the same Message-ID.
 */
#ifndef FLOW_OUTBOX_H
#define FLOW_OUTBOX_H
#include "flow/flow.h"

#define OUTBOX_PAUSE_MS 60000       /* behind the first attempt, doubled behind each further one */
#define OUTBOX_PAUSE_MS_MAX 3600000 /* and at once where somebody has to act first */
#define OUTBOX_KEEP_MS (INT64_C(5) * 24 * 3600000) /* RFC 5321 4.5.4.1: four or five days */
#define OUTBOX_ATTEMPTS_MIN 12      /* and as many attempts: the clock may have been set meanwhile */
#define OUTBOX_RUN_WAIT_MS 20000    /* how long the end of a run sends its mails */
#define OUTBOX_STOP_MS 3000         /* how long a stop waits for the mail that is being sent */

struct outbox_report {
    unsigned sent, later, given_up; /* of the attempts that were made */
    char why[ERROR_MESSAGE_SIZE];   /* the newest failure; "" if there was none */
};

/* Sends what is due, until nothing is, deadline_ms (clock_monotonic_ms) is reached or should_stop (may be
 * NULL) says so. A mail that was handed over whole by the deadline is waited for (MAIL_DOT_TIMEOUT_S of
 * transfer/smtp_dialogue.h at most) unless should_stop says so: else it would be sent twice. False: the
 * store failed; report tells what was done before. By one thread of a service at a time. */
MUST_USE bool outbox_deliver(struct service *service, int64_t deadline_ms,
                             bool (*should_stop)(void *context), void *context,
                             struct outbox_report *report, struct error *err);

/* The same by a thread of its own, as long as the service runs: woken by new mails of any process and by
 * due times. service must outlive it. */
struct outbox;
MUST_USE bool outbox_open(struct outbox **out, struct service *service, struct error *err);
/* Sends what is due, but not longer than OUTBOX_STOP_MS, and ends the thread. NULL is fine. */
void outbox_close(struct outbox *outbox);

/* The pause behind an attempt that failed; pure. attempts: this one included. */
int64_t outbox_pause_ms(int64_t attempts, enum error_retry retry);
#endif
