/* SPDX-License-Identifier: MIT */
/* Schedules for people and for programs; see schedule_view.h. */
#include "cli/schedule_view.h"

#include "base/clock.h"
#include "base/document.h"
#include "cli/print.h"
#include "store/store_schedule.h"
#include "workspace/schedules.h"

/* The newest due time of one schedule that something became of; texts are copies. */
struct last {
    bool is_known;
    int64_t due_ms;
    char outcome[32], instance[INSTANCE_ID_SIZE], reason[256];
};

static bool take_last(void *context, const struct schedule_run *run)
{
    struct last *last = context;
    *last = (struct last){.is_known = true, .due_ms = run->due_ms};
    snprintf(last->outcome, sizeof last->outcome, "%s", run->outcome);
    snprintf(last->instance, sizeof last->instance, "%s", run->instance ? run->instance : "");
    snprintf(last->reason, sizeof last->reason, "%s", run->reason ? run->reason : "");
    return false;
}

/* What a listing shows of one schedule. */
struct item {
    const struct timetable_entry *entry;
    bool is_active;
    struct last last;
    struct schedule in_file; /* hidden by entry; zeroed where it is not */
};

struct listing {
    struct cli *cli;
    struct service *service;
    struct document document;
    int64_t next;
    size_t count;
    struct error problem;
};

/* ---- one schedule for people ------------------------------------------------------------------- */

static void print_rule(FILE *out, const struct schedule *schedule)
{
    print_text(out, schedule->recurrence);
    fputs("   ", out);
    print_text(out, schedule->time_zone);
    if (schedule->start)
        fprintf(out, "   from %s", schedule->start);
    if (schedule->end)
        fprintf(out, "   to %s", schedule->end);
    fputc('\n', out);
}

static void print_last(FILE *out, const struct item *item)
{
    char local[RECURRENCE_LOCAL_SIZE];
    if (!item->last.is_known)
        return;
    fprintf(out, "  last    %s   %s", recurrence_local(item->entry->recurrence, item->last.due_ms, local),
            item->last.outcome);
    if (item->last.instance[0])
        fprintf(out, "   %s", item->last.instance);
    if (item->last.reason[0]) {
        fputs(": ", out);
        print_text(out, item->last.reason);
    }
    fputc('\n', out);
}

static void print_head(FILE *out, const struct item *item)
{
    const struct timetable_entry *entry = item->entry;
    char at[CLOCK_TEXT_SIZE];
    print_text(out, entry->definition.flow);
    fprintf(out, "   %s", schedule_state_name(entry->state));
    if (!item->is_active)
        fputs(", but the flow is not active", out);
    if (entry->actor[0]) {
        fputs(" (changed by ", out);
        print_text(out, entry->actor);
        fprintf(out, ", %.16sZ)", clock_format_ms(entry->changed_ms, at));
    }
    fputs("\n  due     ", out);
    print_rule(out, &entry->definition);
    if (item->in_file.recurrence) {
        fputs("          instead of ", out);
        print_rule(out, &item->in_file);
    }
    if (entry->warning[0])
        fprintf(out, "          warning: %s\n", entry->warning);
    print_last(out, item);
}

static void print_time(struct listing *listing, const struct item *item, int64_t due_ms, bool is_first)
{
    char local[RECURRENCE_LOCAL_SIZE], utc[CLOCK_TEXT_SIZE];
    fprintf(listing->cli->out, "  %s    %s   %.19sZ\n", is_first ? "next" : "    ",
            recurrence_local(item->entry->recurrence, due_ms, local), clock_format_ms(due_ms, utc));
}

/* ---- one schedule for programs ----------------------------------------------------------------- */

static void write_last(struct document *document, const struct last *last)
{
    if (!last->is_known) {
        document_text(document, "last", NULL);
        return;
    }
    document_open(document, "last", '{');
    document_time(document, "due", last->due_ms);
    document_text(document, "outcome", last->outcome);
    document_text(document, "reason", last->reason[0] ? last->reason : NULL);
    document_text(document, "instance", last->instance[0] ? last->instance : NULL);
    document_close(document, '}');
}

static void write_definition(struct document *document, const struct schedule *schedule)
{
    schedule_format(schedule, document);
    if (!schedule->start)
        document_text(document, "start", NULL);
    if (!schedule->end)
        document_text(document, "end", NULL);
}

static void write_head(struct document *document, const struct item *item)
{
    const struct timetable_entry *entry = item->entry;
    document_open(document, NULL, '{');
    document_text(document, "flow", entry->definition.flow);
    document_text(document, "state", schedule_state_name(entry->state));
    document_flag(document, "active", item->is_active);
    document_text(document, "changed_by", entry->actor[0] ? entry->actor : NULL);
    document_time(document, "changed", entry->changed_ms);
    write_definition(document, &entry->definition);
    document_text(document, "source", entry->is_override ? "store" : "schedules.json");
    if (item->in_file.recurrence) {
        document_open(document, "instead_of", '{');
        write_definition(document, &item->in_file);
        document_close(document, '}');
    }
    document_text(document, "warning", entry->warning[0] ? entry->warning : NULL);
    write_last(document, &item->last);
    document_open(document, "next", '[');
}

static void write_time(struct document *document, const struct item *item, int64_t due_ms)
{
    char local[RECURRENCE_LOCAL_SIZE];
    document_open(document, NULL, '{');
    document_text(document, "local", recurrence_local(item->entry->recurrence, due_ms, local));
    document_time(document, "utc", due_ms);
    document_close(document, '}');
}

/* ---- the list ---------------------------------------------------------------------------------- */

static bool show_times(struct listing *listing, const struct item *item, struct error *err)
{
    int64_t at_ms = clock_wall_ms();
    for (int64_t i = 0; i < listing->next; i++) {
        struct error why = {0};
        if (!timetable_next(item->entry, at_ms, &at_ms, &why)) {
            if (why.kind != ERROR_NOT_FOUND)
                *err = why;
            else if (!listing->cli->json)
                fputs("  next    never again\n", listing->cli->out);
            return why.kind == ERROR_NOT_FOUND;
        }
        if (listing->cli->json)
            write_time(&listing->document, item, at_ms);
        else
            print_time(listing, item, at_ms, i == 0);
    }
    return true;
}

static bool read_item(struct listing *listing, const struct timetable_entry *entry,
                      struct item *item, struct error *err)
{
    bool found;
    *item = (struct item){.entry = entry,
                          .is_active = service_is_active(listing->service, entry->flow)};
    return store_schedule_runs(service_store(listing->service), entry->definition.flow, 1, take_last,
                               &item->last, err) &&
           (!entry->is_override || timetable_file_entry(listing->service, entry->flow, &item->in_file,
                                                        &found, err));
}

static bool show(void *context, struct timetable_entry *entry)
{
    struct listing *listing = context;
    struct item item;
    bool ok = read_item(listing, entry, &item, &listing->problem);
    if (ok && listing->cli->json)
        write_head(&listing->document, &item);
    else if (ok)
        print_head(listing->cli->out, &item);
    if (ok && (entry->state == SCHEDULE_STARTED || listing->cli->json))
        ok = show_times(listing, &item, &listing->problem) ||
             error_context(&listing->problem, "schedule of '%s'", entry->definition.flow);
    if (listing->cli->json) {
        document_close(&listing->document, ']');
        document_close(&listing->document, '}');
    }
    schedule_release(&item.in_file);
    listing->count++;
    return ok;
}

static bool show_one(struct listing *listing, size_t flow, struct error *err)
{
    struct timetable_entry entry;
    if (!timetable_get(listing->service, flow, &entry, err))
        return false;
    show(listing, &entry);
    timetable_entry_release(&entry);
    return true;
}

bool schedule_view_list(struct cli *cli, struct service *service, const size_t *flow, int64_t next,
                        struct error *err)
{
    struct listing listing = {.cli = cli, .service = service, .next = next};
    document_init(&listing.document);
    document_open(&listing.document, NULL, '{');
    document_open(&listing.document, "schedules", '[');
    bool ok = flow ? show_one(&listing, *flow, err) : timetable_list(service, show, &listing, err);
    if (ok && listing.problem.kind != ERROR_NONE) {
        *err = listing.problem;
        ok = false;
    }
    document_close(&listing.document, ']');
    document_close(&listing.document, '}');
    if (ok && cli->json)
        document_finish(&listing.document, cli->out);
    else if (ok && listing.count == 0)
        fputs("no schedules: see schedules.json\n", cli->out);
    buf_release(&listing.document.text);
    return ok;
}

/* ---- history ----------------------------------------------------------------------------------- */

struct history {
    struct table table;
    struct document document;
};

static bool add_run(void *context, const struct schedule_run *run)
{
    struct history *history = context;
    char at[CLOCK_TEXT_SIZE];
    table_printf(&history->table, "%.19sZ", clock_format_ms(run->due_ms, at));
    table_add(&history->table, run->flow);
    if (run->first_ms != run->due_ms)
        table_printf(&history->table, "%s, for all since %.19sZ", run->outcome,
                     clock_format_ms(run->first_ms, at));
    else
        table_add(&history->table, run->outcome);
    table_add(&history->table, run->instance);
    table_add(&history->table, run->reason);
    document_open(&history->document, NULL, '{');
    document_text(&history->document, "flow", run->flow);
    document_time(&history->document, "due", run->due_ms);
    document_time(&history->document, "first_due", run->first_ms);
    document_text(&history->document, "outcome", run->outcome);
    document_text(&history->document, "reason", run->reason);
    document_text(&history->document, "instance", run->instance);
    document_time(&history->document, "at", run->at_ms);
    document_close(&history->document, '}');
    return true;
}

bool schedule_view_history(struct cli *cli, struct service *service, const char *flow, int64_t limit,
                           struct error *err)
{
    static const char *const heads[] = {"DUE", "FLOW", "OUTCOME", "INSTANCE", "REASON"};
    struct history history;
    document_init(&history.document);
    document_open(&history.document, NULL, '{');
    document_open(&history.document, "history", '[');
    table_init(&history.table, sizeof heads / sizeof heads[0]);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_add(&history.table, heads[i]);
    bool ok = store_schedule_runs(service_store(service), flow, limit, add_run, &history, err);
    document_close(&history.document, ']');
    document_close(&history.document, '}');
    if (ok && cli->json)
        document_finish(&history.document, cli->out);
    else if (ok)
        table_print(&history.table, cli->out);
    table_release(&history.table);
    buf_release(&history.document.text);
    return ok;
}
