/* SPDX-License-Identifier: MIT */
/* sluice schedules: what schedules.json says, and when that is due next. */
#include "base/clock.h"
#include "base/document.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "flow/recurrence.h"
#include "workspace/workspace.h"

#define NEXT_DEFAULT 3
#define NEXT_MAX 1000

/* Where due times go: to a person, or into the document. */
struct listing {
    struct cli *cli;
    struct document document;
    int64_t next, from_ms;
};

static void show_time(struct listing *listing, const struct recurrence *recurrence, int64_t due_ms)
{
    char local[RECURRENCE_LOCAL_SIZE], utc[CLOCK_TEXT_SIZE];
    recurrence_local(recurrence, due_ms, local);
    if (!listing->cli->json) {
        fprintf(listing->cli->out, "  %s   %.19sZ\n", local, clock_format_ms(due_ms, utc));
        return;
    }
    document_open(&listing->document, NULL, '{');
    document_text(&listing->document, "local", local);
    document_time(&listing->document, "utc", due_ms);
    document_close(&listing->document, '}');
}

static bool show_times(struct listing *listing, const struct recurrence *recurrence,
                       struct error *err)
{
    int64_t at = listing->from_ms;
    for (int64_t i = 0; i < listing->next; i++) {
        struct error why = {0};
        if (!recurrence_after(recurrence, at, &at, &why)) {
            if (why.kind == ERROR_NOT_FOUND && !listing->cli->json)
                fputs("  never again\n", listing->cli->out);
            if (why.kind != ERROR_NOT_FOUND)
                *err = why;
            return why.kind == ERROR_NOT_FOUND;
        }
        show_time(listing, recurrence, at);
    }
    return true;
}

static void show_head(struct listing *listing, const struct schedule *schedule)
{
    if (listing->cli->json) {
        document_open(&listing->document, NULL, '{');
        document_text(&listing->document, "flow", schedule->flow);
        document_text(&listing->document, "recurrence", schedule->recurrence);
        document_text(&listing->document, "time_zone", schedule->time_zone);
        document_text(&listing->document, "start", schedule->start);
        document_text(&listing->document, "end", schedule->end);
        document_open(&listing->document, "next", '[');
        return;
    }
    print_text(listing->cli->out, schedule->flow);
    fputs("\n  ", listing->cli->out);
    print_text(listing->cli->out, schedule->recurrence);
    fputs("   ", listing->cli->out);
    print_text(listing->cli->out, schedule->time_zone);
    fputc('\n', listing->cli->out);
}

static bool show_schedule(struct listing *listing, const struct schedule *schedule,
                          struct error *err)
{
    struct recurrence *recurrence = NULL;
    char warning[RECURRENCE_WARNING_SIZE];
    if (!recurrence_parse(&recurrence, schedule->recurrence, schedule->time_zone, schedule->start,
                          schedule->end, warning, err))
        return error_context(err, "%s", schedule->recurrence_at);
    show_head(listing, schedule);
    bool ok = show_times(listing, recurrence, err) ||
              error_context(err, "%s", schedule->recurrence_at);
    if (listing->cli->json) {
        document_close(&listing->document, ']');
        document_close(&listing->document, '}');
    }
    recurrence_free(recurrence);
    return ok;
}

static bool show_all(struct listing *listing, const struct workspace *workspace, struct error *err)
{
    bool ok = true;
    document_init(&listing->document);
    document_open(&listing->document, NULL, '{');
    document_open(&listing->document, "schedules", '[');
    for (size_t i = 0; ok && i < workspace->schedules.count; i++)
        ok = show_schedule(listing, &workspace->schedules.items[i], err);
    document_close(&listing->document, ']');
    document_close(&listing->document, '}');
    if (ok && listing->cli->json)
        document_finish(&listing->document, listing->cli->out);
    else if (ok && workspace->schedules.count == 0)
        fputs("no schedules: see schedules.json\n", listing->cli->out);
    buf_release(&listing->document.text);
    return ok;
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct error err = {0};
    struct listing listing = {.cli = cli, .next = NEXT_DEFAULT, .from_ms = clock_wall_ms()};
    const char *next = option_value(arguments, "next");
    if (next && !text_parse_int(next, 1, NEXT_MAX, &listing.next))
        return cli_usage(cli, &cmd_schedules, "'--next %.64s': expected a whole number from 1 to %d",
                         next, NEXT_MAX);
    bool ok = cli_open_workspace(cli, &workspace, &err) && show_all(&listing, workspace, &err);
    workspace_close(workspace);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static const struct option_spec options[] = {
    {"next", 'n', "N", "How many due times to show of each. Default: 3; at most 1000."},
};

const struct command cmd_schedules = {
    .name = "schedules",
    .summary = "lists the schedules and when they are due next",
    .synopsis = "schedules [--next N]",
    .description =
        "Lists each entry of schedules.json with its next due times, in its own time zone and in UTC. "
        "Days and longer keep the local time over a change of the clocks: a time that spring leaves "
        "out moves on by the hour (02:30 becomes 03:30), one that autumn brings twice counts the "
        "first time. Hours and minutes without BY... parts keep their distance in elapsed time.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"schedules\": [{\"flow\", \"recurrence\", \"time_zone\", \"start\", \"end\", \"next\": "
            "[{\"local\", \"utc\"}]}]}",
    .exit_status = "0  done\n2  a schedule cannot be understood: file, line and what was expected",
    .files = "schedules.json",
    .examples = " sluice schedules --next 10",
    .run = run,
};
