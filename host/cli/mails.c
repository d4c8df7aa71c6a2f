/* SPDX-License-Identifier: MIT */
/* See mails.h. */
#include "cli/mails.h"

#include <string.h>

#include "base/clock.h"
#include "cli/print.h"
#include "flow/outbox.h"

/* ---- tables and arrays ------------------------------------------------------------------------- */

static bool is_waiting(const struct outbox_row *row)
{
    return strcmp(row->state, "waiting") == 0;
}

/* What a person should know of it: the newest failure, or who never gets it. Its first line. */
static void format_detail(const struct outbox_row *row, struct buf *out)
{
    const char *text = row->error ? row->error : row->refused;
    buf_append(out, text, strcspn(text, "\n"));
    if (row->held > 0)
        buf_printf(out, "%s%lld held back", out->size > 0 ? "; " : "", (long long)row->held);
}

static bool add_row(void *context, const struct outbox_row *row)
{
    struct table *table = context;
    char time[CLOCK_TEXT_SIZE];
    struct buf detail;
    buf_init(&detail, TABLE_CELL_SIZE_MAX);
    format_detail(row, &detail);
    table_printf(table, "%lld", (long long)row->number);
    table_add(table, row->state);
    table_printf(table, "%lld", (long long)row->attempts);
    table_printf(table, "%.16sZ",
                 clock_format_ms(is_waiting(row) ? row->next_ms : row->finished_ms, time));
    table_add(table, row->pending ? row->pending : row->to);
    table_add(table, row->subject);
    table_add(table, detail.size > 0 ? buf_text(&detail) : NULL);
    buf_release(&detail);
    return true;
}

bool mails_print(FILE *out, const char *title, struct store *store,
                 const struct outbox_filter *filter, size_t *count, struct error *err)
{
    static const char *const heads[] = {"MAIL", "STATE", "TRIES", "NEXT/ENDED", "TO", "SUBJECT",
                                        "DETAIL"};
    const size_t columns = sizeof heads / sizeof heads[0];
    struct table table;
    table_init(&table, columns);
    for (size_t i = 0; i < columns; i++)
        table_add(&table, heads[i]);
    bool ok = store_outbox_list(store, filter, add_row, &table, err);
    *count = table.cell_count / columns - 1;
    if (ok && *count > 0) {
        fputs(title, out);
        table_print(&table, out);
    }
    table_release(&table);
    return ok;
}

static bool write_row(void *context, const struct outbox_row *row)
{
    struct document *document = context;
    document_open(document, NULL, '{');
    document_number(document, "number", row->number);
    document_text(document, "state", row->state);
    document_text(document, "instance", row->instance);
    document_text(document, "message_id", row->message_id);
    document_text(document, "connection", row->connection);
    document_text(document, "from", row->from);
    document_text(document, "to", row->to);
    document_text(document, "left_to", row->pending);
    document_text(document, "subject", row->subject);
    document_number(document, "attempts", row->attempts);
    document_time(document, "written", row->written_ms);
    document_time(document, "next", is_waiting(row) ? row->next_ms : 0);
    document_time(document, "ended", row->finished_ms);
    document_text(document, "error", row->error);
    document_text(document, "refused", row->refused[0] ? row->refused : NULL);
    document_number(document, "held_back", row->held);
    document_close(document, '}');
    return true;
}

bool mails_write(struct document *document, const char *key, struct store *store,
                 const struct outbox_filter *filter, struct error *err)
{
    document_open(document, key, '[');
    bool ok = store_outbox_list(store, filter, write_row, document, err);
    document_close(document, ']');
    return ok;
}

/* ---- delivery ---------------------------------------------------------------------------------- */

static bool should_stop(void *context)
{
    const struct cli *cli = context;
    return cli->should_stop && cli->should_stop();
}

void mails_deliver(struct cli *cli, struct service *service)
{
    struct outbox_report report;
    struct error err = {0};
    if (outbox_deliver(service, clock_monotonic_ms() + OUTBOX_RUN_WAIT_MS, should_stop, cli,
                       &report, &err))
        return;
    fputs("sluice: mails cannot be delivered: ", cli->err);
    print_text(cli->err, err.message);
    fputc('\n', cli->err);
}

/* ---- the mails of a run ------------------------------------------------------------------------ */

struct tally {
    unsigned sent, waiting, given_up, held;
    char why[ERROR_MESSAGE_SIZE]; /* of one that is not sent */
};

static bool count_row(void *context, const struct outbox_row *row)
{
    struct tally *tally = context;
    bool is_sent = strcmp(row->state, "sent") == 0;
    if (row->held > 0)
        return true;
    tally->sent += is_sent;
    tally->waiting += is_waiting(row);
    tally->given_up += strcmp(row->state, "given_up") == 0;
    const char *why = row->error ? row->error : row->refused;
    if (why[0])
        snprintf(tally->why, sizeof tally->why, "%.*s", (int)strcspn(why, "\n"), why);
    return true;
}

static void print_count(FILE *out, bool *is_first, unsigned count, const char *what)
{
    if (count == 0)
        return;
    fprintf(out, "%s%u %s", *is_first ? "  mails     " : ", ", count, what);
    *is_first = false;
}

void mails_print_run(FILE *out, struct store *store, const char *instance,
                     const struct progress *progress)
{
    struct tally tally = {.sent = 0};
    struct error ignored;
    const struct outbox_filter filter = {.instance = instance};
    bool is_first = true;
    for (size_t i = 0; i < progress->notice_count; i++)
        tally.held += progress->notices[i].is_held;
    if (instance[0])
        (void)!store_outbox_list(store, &filter, count_row, &tally, &ignored);
    print_count(out, &is_first, tally.sent, "sent");
    print_count(out, &is_first, tally.waiting, "waiting (sluice outbox)");
    print_count(out, &is_first, tally.given_up, "given up (sluice outbox)");
    print_count(out, &is_first, tally.held, "held back for a summary");
    if (!is_first && tally.why[0]) {
        fputs(": ", out);
        print_text(out, tally.why);
    }
    if (!is_first)
        fputc('\n', out);
}

void mails_write_run(struct document *document, const char *key, struct store *store,
                     const char *instance, const struct progress *progress)
{
    struct error ignored;
    const struct outbox_filter filter = {.instance = instance};
    document_open(document, key, '[');
    if (instance[0])
        (void)!store_outbox_list(store, &filter, write_row, document, &ignored);
    for (size_t i = 0; i < progress->notice_count; i++) {
        if (!progress->notices[i].is_held)
            continue;
        document_open(document, NULL, '{');
        document_text(document, "state", "held_back");
        document_text(document, "to", progress->notices[i].to);
        document_text(document, "subject", progress->notices[i].subject);
        document_close(document, '}');
    }
    document_close(document, ']');
}
