/* SPDX-License-Identifier: MIT */
/* sluice outbox: mails that are not delivered yet; send them now, or never. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/mails.h"
#include "cli/print.h"
#include "flow/outbox.h"
#include "workspace/workspace.h"

#define LIMIT_DEFAULT 100

/* ---- list -------------------------------------------------------------------------------------- */

static bool list_text(struct cli *cli, struct store *store, const struct outbox_filter *filter,
                      struct error *err)
{
    size_t count;
    if (!mails_print(cli->out, "", store, filter, &count, err))
        return false;
    if (count == 0)
        fputs(filter->unsent_only ? "nothing waits to be sent\n" : "no mails\n", cli->out);
    return true;
}

static bool list_document(struct cli *cli, struct store *store, const struct outbox_filter *filter,
                          struct error *err)
{
    struct document document;
    document_init(&document);
    document_open(&document, NULL, '{');
    bool ok = mails_write(&document, "mails", store, filter, err);
    document_close(&document, '}');
    if (ok)
        document_finish(&document, cli->out);
    buf_release(&document.text);
    return ok;
}

static int run_list(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct store *store = NULL;
    struct error err = {0};
    struct outbox_filter filter = {.unsent_only = !option_given(arguments, "all"),
                                   .limit = LIMIT_DEFAULT};
    const char *limit = option_value(arguments, "limit");
    if (limit && !text_parse_int(limit, 0, INT64_MAX, &filter.limit))
        return cli_usage(cli, &cmd_outbox, "'--limit %.64s': expected a number", limit);
    bool ok = cli_open_workspace(cli, &workspace, &err) &&
              store_open(&store, workspace->store_file, &err) &&
              (cli->json ? list_document(cli, store, &filter, &err)
                         : list_text(cli, store, &filter, &err));
    store_close(store);
    workspace_close(workspace);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

/* ---- retry and drop ---------------------------------------------------------------------------- */

struct numbers {
    int64_t list[CLI_ARGUMENTS_MAX];
    size_t count;
};

static bool read_numbers(const struct arguments *arguments, struct numbers *out, struct error *err)
{
    out->count = 0;
    for (size_t i = 1; i < arguments->word_count; i++)
        if (!text_parse_int(arguments->words[i], 1, INT64_MAX, &out->list[out->count++]))
            return error_set(err, ERROR_INVALID, "'%.64s' is not the number of a mail",
                             arguments->words[i]);
    return true;
}

static void tell_report(struct cli *cli, const struct outbox_report *report)
{
    if (cli->json) {
        struct document document;
        document_init(&document);
        document_open(&document, NULL, '{');
        document_number(&document, "sent", report->sent);
        document_number(&document, "waiting", report->later);
        document_number(&document, "given_up", report->given_up);
        document_text(&document, "error", report->why[0] ? report->why : NULL);
        document_close(&document, '}');
        document_finish(&document, cli->out);
        return;
    }
    fprintf(cli->out, "%u sent, %u not yet, %u given up", report->sent, report->later,
            report->given_up);
    if (report->why[0]) {
        fputs(": ", cli->out);
        print_text(cli->out, report->why);
    }
    fputc('\n', cli->out);
}

static bool should_stop(void *context)
{
    const struct cli *cli = context;
    return cli->should_stop && cli->should_stop();
}

static bool retry(struct cli *cli, struct service *service, const struct numbers *numbers,
                  struct outbox_report *report, struct error *err)
{
    struct store *store = service_store(service);
    int64_t now_ms = clock_wall_ms();
    bool ok = numbers->count > 0 || store_outbox_retry(store, 0, now_ms, err);
    for (size_t i = 0; ok && i < numbers->count; i++)
        ok = store_outbox_retry(store, numbers->list[i], now_ms, err);
    return ok && outbox_deliver(service, clock_monotonic_ms() + OUTBOX_RUN_WAIT_MS, should_stop,
                                cli, report, err);
}

static int run_retry(struct cli *cli, const struct numbers *numbers)
{
    struct workspace *workspace = NULL;
    struct service *service = NULL;
    struct outbox_report report = {.sent = 0};
    struct error err = {0};
    bool ok = cli_open_workspace(cli, &workspace, &err) &&
              service_open(&service, workspace, &err) &&
              retry(cli, service, numbers, &report, &err);
    service_close(service);
    if (!ok)
        return cli_fail(cli, cli_status_of(&err), &err);
    tell_report(cli, &report);
    return report.later + report.given_up == 0 ? EXIT_DONE
           : report.sent > 0                   ? EXIT_PARTLY_DONE
                                               : EXIT_FAILED;
}

static int run_drop(struct cli *cli, const struct numbers *numbers)
{
    struct workspace *workspace = NULL;
    struct store *store = NULL;
    struct error err = {0};
    size_t dropped = 0;
    bool ok = cli_open_workspace(cli, &workspace, &err) &&
              store_open(&store, workspace->store_file, &err);
    for (; ok && dropped < numbers->count; dropped += ok)
        ok = store_outbox_drop(store, numbers->list[dropped], clock_wall_ms(), &err);
    store_close(store);
    workspace_close(workspace);
    if (!ok)
        return cli_fail(cli, dropped > 0 ? EXIT_PARTLY_DONE : cli_status_of(&err), &err);
    if (cli->json)
        fprintf(cli->out, "{\"dropped\": %zu}\n", dropped);
    else
        fprintf(cli->out, "%zu dropped\n", dropped);
    return EXIT_DONE;
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct numbers numbers;
    struct error err = {0};
    const char *action = arguments->word_count ? arguments->words[0] : "list";
    bool is_list = strcmp(action, "list") == 0, is_drop = strcmp(action, "drop") == 0;
    if ((!is_list && !is_drop && strcmp(action, "retry") != 0) ||
        (is_list && arguments->word_count > 1))
        return cli_usage(cli, &cmd_outbox,
                         "'outbox' takes 'list', 'retry [MAIL]...' or 'drop MAIL...', not '%s'",
                         is_list ? arguments->words[1] : action);
    if (!read_numbers(arguments, &numbers, &err))
        return cli_usage(cli, &cmd_outbox, "%s", err.message);
    if (is_drop && numbers.count == 0)
        return cli_usage(cli, &cmd_outbox, "'outbox drop' needs the numbers of mails");
    return is_list ? run_list(cli, arguments)
           : is_drop ? run_drop(cli, &numbers)
                     : run_retry(cli, &numbers);
}

static const struct option_spec options[] = {
    {"all", 'a', NULL, "With list: also mails that were sent or dropped."},
    {"limit", 'n', "N", "With list: at most N, oldest first. Default: 100; 0: no limit."},
};

const struct command cmd_outbox = {
    .name = "outbox",
    .summary = "shows mails that are not delivered yet, sends or drops them",
    .synopsis = "outbox [list] [--all] [--limit N]\noutbox retry [MAIL]...\noutbox drop MAIL...",
    .description =
        "Flows hand their mails to the outbox and go on; a mail server that is away holds up no "
        "transfer. A mail that cannot be sent is tried again after a minute, then after growing "
        "pauses of up to an hour, for five days and at least twelve times; then it is given up. One that "
        "the server will never take is given up at once, and recipients that it refuses do not keep the "
        "others from getting it. 'sluice serve' sends what is due by itself; 'sluice run' and 'sluice resubmit' do "
        "so at their end, for 20 seconds at most.\n\n"
        "Where callers start flows, not more than 20 mails an hour go out with the same recipients and "
        "subject; one mail at the end of the hour says how many more there were and of which "
        "instances. Mails of scheduled flows are never held back.\n\n"
        "'retry' sends the mails with these numbers now (default: all that wait), also those that "
        "were given up. 'drop' says that they are never sent.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "list: {\"mails\": [{\"number\", \"state\": \"waiting\"|\"sent\"|\"given_up\"|\"dropped\", "
            "\"instance\", \"message_id\", \"connection\", \"from\", \"to\", \"left_to\", \"subject\", "
            "\"attempts\", \"written\", \"next\", \"ended\", \"error\", \"refused\", \"held_back\"}]}\n"
            "retry: {\"sent\", \"waiting\", \"given_up\", \"error\"}\n"
            "drop: {\"dropped\"}",
    .exit_status = "0  done; with retry: everything that was due is sent\n"
                   "1  with retry: nothing could be sent\n"
                   "2  no such mail, or one that was sent already\n"
                   "3  some were sent (dropped), some were not",
    .files = "state/sluice.db",
    .examples = " sluice outbox\n sluice outbox retry\n sluice outbox drop 17",
    .words_max = CLI_ARGUMENTS_MAX,
    .run = run,
};
