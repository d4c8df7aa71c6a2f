/* SPDX-License-Identifier: MIT */
/* sluice schedules: when flows are due, what became of it, and starting and stopping that. */
#include <string.h>

#include "base/document.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/schedule_view.h"

#define NEXT_DEFAULT 3
#define NEXT_MAX 1000
#define LIMIT_DEFAULT 20

static const struct {
    const char *word, *done;
    enum schedule_move move;
} moves[] = {
    {"start", "started", MOVE_START},
    {"stop", "stopped", MOVE_STOP},
    {"pause", "paused", MOVE_PAUSE},
    {"resume", "resumed", MOVE_RESUME},
};

static int tell_done(struct cli *cli, const char *flow, const char *done)
{
    if (cli->json) {
        struct document document;
        document_init(&document);
        document_open(&document, NULL, '{');
        document_text(&document, "flow", flow);
        document_text(&document, "schedule", done);
        document_close(&document, '}');
        document_finish(&document, cli->out);
        return EXIT_DONE;
    }
    print_text(cli->out, flow);
    fprintf(cli->out, ": the schedule is %s\n", done);
    return EXIT_DONE;
}

/* Gives -1 where word is none of these actions. */
static int act(struct cli *cli, struct service *service, const char *word, size_t flow,
               struct error *err)
{
    char warning[RECURRENCE_WARNING_SIZE];
    const char *identifier = service_manifest(service, flow)->identifier;
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        if (strcmp(word, moves[i].word) != 0)
            continue;
        return timetable_move(service, flow, moves[i].move, cli_self(), err)
                   ? tell_done(cli, identifier, moves[i].done)
                   : cli_fail(cli, cli_status_of(err), err);
    }
    if (strcmp(word, "reset") != 0)
        return -1;
    return timetable_set(service, flow, NULL, cli_self(), warning, err)
               ? tell_done(cli, identifier, "again as schedules.json says")
               : cli_fail(cli, cli_status_of(err), err);
}

static bool is_action(const char *word)
{
    bool found = strcmp(word, "reset") == 0 || strcmp(word, "history") == 0;
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++)
        found |= strcmp(word, moves[i].word) == 0;
    return found;
}

/* What the command line asks for. */
struct wish {
    const char *action; /* NULL: the list */
    const char *flow;   /* NULL: all */
    int64_t next, limit;
};

static int perform(struct cli *cli, struct service *service, const struct wish *wish)
{
    struct error err = {0};
    size_t flow = 0;
    if (wish->flow && !service_find(service, wish->flow, &flow, &err))
        return cli_fail(cli, EXIT_USAGE, &err);
    const char *identifier = wish->flow ? service_manifest(service, flow)->identifier : NULL;
    bool ok;
    if (!wish->action)
        ok = schedule_view_list(cli, service, wish->flow ? &flow : NULL, wish->next, &err);
    else if (strcmp(wish->action, "history") == 0)
        ok = schedule_view_history(cli, service, identifier, wish->limit ? wish->limit : -1, &err);
    else
        return act(cli, service, wish->action, flow, &err);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    struct workspace *workspace = NULL;
    struct service *service = NULL;
    struct error err = {0};
    struct wish wish = {.next = NEXT_DEFAULT, .limit = LIMIT_DEFAULT};
    const char *next = option_value(arguments, "next"), *limit = option_value(arguments, "limit");
    size_t at = arguments->word_count > 0 && is_action(arguments->words[0]);
    if (next && !text_parse_int(next, 1, NEXT_MAX, &wish.next))
        return cli_usage(cli, &cmd_schedules, "'--next %.64s': expected a whole number from 1 to %d",
                         next, NEXT_MAX);
    if (limit && !text_parse_int(limit, 0, INT32_MAX, &wish.limit))
        return cli_usage(cli, &cmd_schedules, "'--limit %.64s': expected a whole number from 0",
                         limit);
    wish.action = at ? arguments->words[0] : NULL;
    wish.flow = at < arguments->word_count ? arguments->words[at] : NULL;
    if (at + 1 < arguments->word_count)
        return cli_usage(cli, &cmd_schedules, "'%s' is one word too many; actions are start, stop, "
                         "pause, resume, reset and history", arguments->words[at + 1]);
    if (wish.action && !wish.flow && strcmp(wish.action, "history") != 0)
        return cli_usage(cli, &cmd_schedules, "'%s' needs a flow", wish.action);
    if (!(wish.action ? cli_open_recorded : cli_open_workspace)(cli, &workspace, &err) ||
        !service_open(&service, workspace, &err))
        return cli_fail(cli, cli_status_of(&err), &err);
    int status = perform(cli, service, &wish);
    service_close(service);
    return status;
}

static const struct option_spec options[] = {
    {"next", 'n', "N", "How many due times to show of each. Default: 3; at most 1000."},
    {"limit", 0, "N", "history: at most N due times, newest first. Default: 20; 0: all that are kept "
                        "(the newest 1,000 of each flow)."},
};

const struct command cmd_schedules = {
    .name = "schedules",
    .summary = "shows when flows are due and what became of it; starts and stops that",
    .synopsis = "schedules [--next N] [FLOW]\nschedules history [--limit N] [FLOW]\n"
                "schedules start|stop|pause|resume|reset FLOW",
    .description =
        "Lists the schedules: those of schedules.json and those that were changed since, which "
        "hide the file's entry (both are shown) until 'reset'. Each with its state, the newest "
        "due time and what became of it, and the next ones in its own time zone and in UTC. "
        "'sluice serve' is what starts them; 'sluice run FLOW' runs one now, with other "
        "parameters if you give some.\n\n"
        "'history' lists due times and their outcome: running, completed, partly done, failed; "
        "skipped (another run was going on); missed (nothing was there to start it, and the "
        "schedule's \"missed\" is skip); interrupted (the process that ran it ended). 'stop' and "
        "'pause' let what runs finish and outlive a restart; what would have been due meanwhile "
        "is not made up for. A running server follows at once.\n\n"
        "Days and longer keep the local time over a change of the clocks: a time that spring "
        "leaves out moves on by the hour (02:30 becomes 03:30), one that autumn brings twice "
        "counts the first time. Hours and minutes without BY... parts keep their distance in "
        "elapsed time.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "{\"schedules\": [{\"flow\", \"state\": \"started\"|\"stopped\"|\"paused\", \"active\", "
            "\"changed_by\", \"changed\", \"recurrence\", \"time_zone\", \"start\", \"end\", "
            "\"missed\", \"parameters\", \"source\": \"schedules.json\"|\"store\", "
            "\"instead_of\", \"warning\", \"last\": null | {\"due\", \"outcome\", \"reason\", "
            "\"instance\"}, \"next\": [{\"local\", \"utc\"}]}]}\n"
            "history: {\"history\": [{\"flow\", \"due\", \"first_due\", \"outcome\", \"reason\", "
            "\"instance\", \"at\"}]}\n"
            "actions: {\"flow\", \"schedule\"}",
    .exit_status = "0  done\n1  the schedule is in another state, or the flow is not active\n"
                   "2  no such flow or schedule, or one that cannot be understood: file, line and "
                   "what was expected",
    .files = "schedules.json\nstate/sluice.db        what was changed, and the history",
    .examples = " sluice schedules --next 10\n sluice schedules stop OUTL-BA-CCS_DACS_CUST_SYNC_FTP\n"
                " sluice schedules history --limit 50",
    .words_max = 3,
    .run = run,
};
