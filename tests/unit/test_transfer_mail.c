/* SPDX-License-Identifier: MIT */
/* A mail that a server takes for some of its recipients, with and without memory for the others' names. */
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

#include "loopback.h"
#include "transfer/transfer.h"

/* In the place of buf_take (-Wl,--wrap). */
static int taken, take_fails;

char *__real_buf_take(struct buf *buf, size_t *size);
char *__wrap_buf_take(struct buf *buf, size_t *size);

char *__wrap_buf_take(struct buf *buf, size_t *size)
{
    if (++taken == take_fails)
        buf->failed = true;
    return __real_buf_take(buf, size);
}

/* a is taken, b refused, c deferred. */
static const char *reply_to(const char *line)
{
    if (strncasecmp(line, "RCPT TO:<b@", 11) == 0)
        return "550 5.1.1 no such mailbox\r\n";
    if (strncasecmp(line, "RCPT TO:<c@", 11) == 0)
        return "450 4.2.0 greylisted\r\n";
    return strncasecmp(line, "DATA", 4) == 0 ? "354 go on\r\n" : "250 ok\r\n";
}

static void *serve(void *context)
{
    char line[1000];
    bool is_data = false;
    int connection = accept(*(int *)context, NULL, NULL);
    FILE *in = fdopen(connection, "r");
    CHECK(in != NULL);
    CHECK_EQ_INT(send(connection, "220 mail.test\r\n", 15, MSG_NOSIGNAL), 15);
    while (fgets(line, sizeof line, in) && strncasecmp(line, "QUIT", 4) != 0) {
        if (is_data && strcmp(line, ".\r\n") != 0)
            continue;
        const char *reply = reply_to(line);
        is_data = reply[0] == '3';
        send(connection, reply, strlen(reply), MSG_NOSIGNAL);
    }
    send(connection, "221 bye\r\n", 9, MSG_NOSIGNAL);
    fclose(in);
    return NULL;
}

static bool send_mail(struct mail_refusals *refusals, struct error *err)
{
    static char name[] = "M", host[] = "127.0.0.1";
    static const struct mail mail = {.message_id = "1@x", .from = "f@x.test", .subject = "S", .body = "text",
                                     .to = "a@x.test, b@x.test, c@x.test"};
    char address[LOOPBACK_ADDRESS_SIZE];
    pthread_t server;
    int listener = loopback_listen(address);
    const struct connection connection = {.name = name, .type = CONNECTION_SMTP, .host = host, .tls = TLS_NONE,
                                          .port = (uint16_t)strtoul(strchr(address, ':') + 1, NULL, 10),
                                          .connect_timeout_ms = 10000};
    struct transfer *transfer = transfer_new();
    CHECK_EQ_INT(pthread_create(&server, NULL, serve, &listener), 0);
    taken = 0;
    bool ok = mail_send(transfer, &connection, &mail, NULL, refusals, err);
    transfer_free(transfer);
    pthread_join(server, NULL);
    close(listener);
    return ok;
}

static void who_is_refused_is_named(void)
{
    struct mail_refusals refusals;
    struct error err = {0};
    take_fails = 0;
    CHECK_OK(send_mail(&refusals, &err), &err);
    CHECK_EQ_TEXT(refusals.refused, "b@x.test: 550 5.1.1 no such mailbox\n");
    CHECK_EQ_TEXT(refusals.delayed, "c@x.test: 450 4.2.0 greylisted\n");
    CHECK_EQ_TEXT(refusals.deferred, "c@x.test");
    mail_refusals_release(&refusals);
}

static void without_memory_nobody_counts_as_reached(void)
{
    for (take_fails = 1; take_fails <= 3; take_fails++) {
        struct mail_refusals refusals;
        struct error err = {0};
        CHECK_FAILS(send_mail(&refusals, &err), &err, ERROR_UNKNOWN);
        CHECK_EQ_INT(err.retry, RETRY_LATER);
        CHECK(!refusals.refused && !refusals.delayed && !refusals.deferred);
        mail_refusals_release(&refusals);
    }
}

CHECK_MAIN(TEST(who_is_refused_is_named), TEST(without_memory_nobody_counts_as_reached))
