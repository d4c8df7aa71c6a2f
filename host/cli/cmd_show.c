/* SPDX-License-Identifier: MIT */
/* sluice show: one instance with its files, tracking values, activity stream and fault. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/document.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/instance.h"
#include "cli/mails.h"
#include "cli/print.h"
#include "flow/flow.h"
#include "store/store.h"
#include "workspace/workspace.h"

#define PAYLOAD_SIZE_MAX (64u << 20)

/* What is shown where; the head keeps the fault until the end. */
struct view {
    struct cli *cli;
    struct store *store;
    const char *id;
    struct document document;
    struct table table;
    struct buf fault; /* text printed last */
    char full_id[INSTANCE_ID_SIZE]; /* id may be cut */
    int64_t started_ms;
    bool with_payload;
};

/* ---- for people -------------------------------------------------------------------------------- */

static void print_field(FILE *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    fprintf(out, "%-12s", name);
    print_text(out, value);
    fputc('\n', out);
}

static void keep_fault(struct buf *fault, const struct instance_row *row)
{
    if (!row->fault_code || !row->fault_code[0])
        return;
    buf_append_text(fault, "\nFault\n  code    ");
    print_escape(fault, row->fault_code);
    buf_append_text(fault, "\n  what    ");
    print_escape(fault, row->fault_title ? row->fault_title : "-");
    buf_append_text(fault, "\n  detail  ");
    print_escape(fault, row->fault_detail && row->fault_detail[0] ? row->fault_detail : "-");
    buf_printf(fault, "\n  to do   %s\n", instance_remedy(row->fault_code));
}

/* Lines "FLOW POINT NAME DIGEST": which customisations it began with. */
static void print_filters(FILE *out, const char *lines)
{
    char point[64], name[160], digest[80];
    for (; sscanf(lines, "%*s %63s %159s %79s", point, name, digest) == 3; lines++) {
        fprintf(out, "customised  %s at '%s', SHA-256 %.12s\n", name, point, digest);
        lines = strchr(lines, '\n');
        if (!lines)
            break;
    }
}

static bool print_head(void *context, const struct instance_row *row)
{
    struct view *view = context;
    FILE *out = view->cli->out;
    char text[CLOCK_TEXT_SIZE], duration[DURATION_TEXT_SIZE], size[TEXT_SIZE_SIZE];
    view->started_ms = row->started_ms;
    snprintf(view->full_id, sizeof view->full_id, "%s", row->id);
    print_field(out, "instance", row->id);
    print_field(out, "flow", row->flow);
    print_field(out, "name", row->flow_name);
    print_field(out, "version", row->version);
    print_field(out, "state", row->state);
    print_field(out, "trigger", row->trigger);
    print_field(out, "tracing", row->tracing);
    print_field(out, "started by", row->invoked_by);
    print_field(out, "parent", row->parent);
    print_field(out, "trace", row->trace);
    print_field(out, "does again", row->resubmission_of);
    print_field(out, "done again", row->resubmitted_as);
    if (row->discarded_ms)
        print_field(out, "discarded", clock_format_ms(row->discarded_ms, text));
    print_field(out, "parameters", row->parameters && strcmp(row->parameters, "{}") != 0
                                       ? row->parameters : NULL);
    print_field(out, "started", clock_format_ms(row->started_ms, text));
    if (row->finished_ms) {
        print_field(out, "finished", clock_format_ms(row->finished_ms, text));
        print_field(out, "duration", print_duration(row->finished_ms - row->started_ms, duration));
    }
    if (row->response_status)
        fprintf(out, "answer      HTTP status %d\n", row->response_status);
    if (row->finished_ms)
        fprintf(out, "used        %lld us CPU, %s memory, %llu calls\n", (long long)row->cpu_us,
                text_format_size(row->memory_bytes, size), (unsigned long long)row->import_calls);
    if (row->filters)
        print_filters(out, row->filters);
    if (row->files_found)
        fprintf(out, "files       %lld found, %lld transferred, %lld not transferred, %lld postponed\n",
                (long long)row->files_found, (long long)row->files_transferred,
                (long long)row->files_not_transferred, (long long)row->files_postponed);
    keep_fault(&view->fault, row);
    return true;
}

static bool print_track(void *context, const char *name, const char *value)
{
    struct view *view = context;
    table_add(&view->table, name);
    table_add(&view->table, value);
    return true;
}

static bool print_file(void *context, const struct file_row *row)
{
    struct view *view = context;
    char size[TEXT_SIZE_SIZE];
    table_add(&view->table, row->name);
    table_add(&view->table, row->state);
    table_add(&view->table, row->size ? text_format_size(row->size, size) : NULL);
    table_add(&view->table, row->detail);
    return true;
}

static bool print_activity(void *context, const struct activity *row)
{
    struct view *view = context;
    char duration[DURATION_TEXT_SIZE], size[TEXT_SIZE_SIZE];
    table_printf(&view->table, "+%.3f s", (double)(row->at_ms - view->started_ms) / 1000);
    table_add(&view->table, row->import);
    table_add(&view->table, row->result);
    if (row->duration_us > 0 && row->duration_us < 10000)
        table_printf(&view->table, "%lld us", (long long)row->duration_us);
    else
        table_add(&view->table,
                  row->duration_us ? print_duration(row->duration_us / 1000, duration) : NULL);
    table_add(&view->table, row->bytes ? text_format_size(row->bytes, size) : NULL);
    table_add(&view->table, row->subject ? row->subject : row->connection);
    table_add(&view->table, row->detail);
    return true;
}

static bool print_child(void *context, const struct instance_row *row)
{
    struct view *view = context;
    char duration[DURATION_TEXT_SIZE];
    table_add(&view->table, row->id);
    table_add(&view->table, row->flow);
    table_add(&view->table, row->state);
    table_add(&view->table, row->finished_ms ? print_duration(row->finished_ms - row->started_ms,
                                                              duration) : NULL);
    table_add(&view->table, row->fault_title);
    return true;
}

/* The instances that this one called, newest first. */
static bool walk_children(struct view *view, instance_row_fn *fn, struct error *err)
{
    struct store_filter filter = {.parent = view->full_id};
    return store_instances(view->store, &filter, fn, view, err);
}

/* Begins a titled table; the row is the head. */
static void begin_table(struct view *view, const char *const *heads, size_t count)
{
    table_init(&view->table, count);
    for (size_t i = 0; i < count; i++)
        table_add(&view->table, heads[i]);
}

static void end_table(struct view *view, const char *title)
{
    if (view->table.cell_count > view->table.column_count) {
        fprintf(view->cli->out, "\n%s\n", title);
        table_print(&view->table, view->cli->out);
    }
    table_release(&view->table);
}

static void print_bytes(const struct cli *cli, const char *title, const char *import,
                        const void *bytes, size_t size)
{
    if (size == 0)
        return;
    fprintf(cli->out, "\n%s%s%s (%zu bytes)\n", title, *import ? " of " : "", import, size);
    char *text = cli->out_is_terminal ? strndup(bytes, size) : NULL;
    if (text)
        print_text(cli->out, text);
    else
        fwrite(bytes, 1, size, cli->out);
    free(text);
    fputc('\n', cli->out);
}

static bool print_call(void *context, const struct activity *row)
{
    const struct view *view = context;
    print_bytes(view->cli, "Request", row->import, row->request, row->request_size);
    print_bytes(view->cli, "Answer", row->import, row->response, row->response_size);
    return true;
}

static bool print_payload(struct view *view, const char *which, const char *title,
                          struct error *err)
{
    struct buf bytes;
    buf_init(&bytes, PAYLOAD_SIZE_MAX);
    bool ok = store_payload(view->store, view->id, which, &bytes, err);
    if (ok)
        print_bytes(view->cli, title, "", buf_text(&bytes), bytes.size);
    buf_release(&bytes);
    return ok;
}

static bool print_all(struct view *view, struct error *err)
{
    static const char *const tracks[] = {"NAME", "VALUE"};
    static const char *const files[] = {"FILE", "STATE", "SIZE", "DETAIL"};
    static const char *const children[] = {"INSTANCE", "FLOW", "STATE", "TOOK", "FAULT"};
    static const char *const activity[] = {"AT",    "IMPORT",  "RESULT", "TOOK",
                                           "BYTES", "SUBJECT", "DETAIL"};
    buf_init(&view->fault, 1u << 20);
    if (!store_instance(view->store, view->id, print_head, view, err))
        return false;
    begin_table(view, tracks, 2);
    bool ok = store_tracks(view->store, view->id, print_track, view, err);
    end_table(view, "Tracking");
    begin_table(view, files, 4);
    ok = ok && store_files(view->store, view->id, print_file, view, err);
    end_table(view, "Files");
    begin_table(view, children, 5);
    ok = ok && walk_children(view, print_child, err);
    end_table(view, "Called");
    size_t mails;
    const struct outbox_filter filter = {.instance = view->full_id};
    ok = ok && mails_print(view->cli->out, "\nMails\n", view->store, &filter, &mails, err);
    begin_table(view, activity, 7);
    ok = ok && store_activities(view->store, view->id, print_activity, view, err);
    end_table(view, "Activity");
    if (view->with_payload)
        ok = ok && print_payload(view, "input", "Message", err) &&
             store_activities(view->store, view->id, print_call, view, err) &&
             print_payload(view, "response", "Answer", err);
    fputs(buf_text(&view->fault), view->cli->out);
    buf_release(&view->fault);
    return ok;
}

/* ---- for programs ------------------------------------------------------------------------------ */

static bool write_head(void *context, const struct instance_row *row)
{
    struct view *view = context;
    snprintf(view->full_id, sizeof view->full_id, "%s", row->id);
    instance_write_members(&view->document, row);
    document_text(&view->document, "to_do",
                  row->fault_code && row->fault_code[0] ? instance_remedy(row->fault_code) : NULL);
    return true;
}

static bool write_track(void *context, const char *name, const char *value)
{
    struct view *view = context;
    document_text(&view->document, name, value);
    return true;
}

static bool write_file(void *context, const struct file_row *row)
{
    struct document *document = &((struct view *)context)->document;
    document_open(document, NULL, '{');
    document_text(document, "name", row->name);
    document_text(document, "state", row->state);
    document_text(document, "detail", row->detail);
    document_number(document, "size", (int64_t)row->size);
    document_time(document, "at", row->at_ms);
    document_close(document, '}');
    return true;
}

static bool write_activity(void *context, const struct activity *row)
{
    struct view *view = context;
    struct document *document = &view->document;
    document_open(document, NULL, '{');
    document_time(document, "at", row->at_ms);
    document_text(document, "import", row->import);
    document_text(document, "connection", row->connection);
    document_text(document, "subject", row->subject);
    document_text(document, "result", row->result);
    document_text(document, "detail", row->detail);
    document_number(document, "duration_us", row->duration_us);
    document_number(document, "bytes", (int64_t)row->bytes);
    if (view->with_payload && row->request)
        document_bytes(document, "request", row->request, row->request_size);
    if (view->with_payload && row->response)
        document_bytes(document, "response", row->response, row->response_size);
    document_close(document, '}');
    return true;
}

static bool write_child(void *context, const struct instance_row *row)
{
    struct view *view = context;
    document_text(&view->document, NULL, row->id);
    return true;
}

static bool write_payload(struct view *view, const char *which, struct error *err)
{
    struct buf bytes;
    buf_init(&bytes, PAYLOAD_SIZE_MAX);
    bool ok = store_payload(view->store, view->id, which, &bytes, err);
    document_bytes(&view->document, which, bytes.size ? bytes.data : NULL, bytes.size);
    buf_release(&bytes);
    return ok;
}

static bool write_all(struct view *view, struct error *err)
{
    document_init(&view->document);
    document_open(&view->document, NULL, '{');
    bool ok = store_instance(view->store, view->id, write_head, view, err);
    document_open(&view->document, "tracking", '{');
    ok = ok && store_tracks(view->store, view->id, write_track, view, err);
    document_close(&view->document, '}');
    document_open(&view->document, "file_list", '[');
    ok = ok && store_files(view->store, view->id, write_file, view, err);
    document_close(&view->document, ']');
    document_open(&view->document, "called", '[');
    ok = ok && walk_children(view, write_child, err);
    document_close(&view->document, ']');
    const struct outbox_filter filter = {.instance = view->full_id};
    ok = ok && mails_write(&view->document, "mails", view->store, &filter, err);
    document_open(&view->document, "activity", '[');
    ok = ok && store_activities(view->store, view->id, write_activity, view, err);
    document_close(&view->document, ']');
    if (view->with_payload)
        ok = ok && write_payload(view, "input", err) && write_payload(view, "response", err);
    document_close(&view->document, '}');
    if (ok)
        document_finish(&view->document, view->cli->out);
    buf_release(&view->document.text);
    return ok;
}

/* ---- which one --------------------------------------------------------------------------------- */

/* The store, alone or, where flows must be known by name, with them. */
struct source {
    struct workspace *workspace;
    struct service *service;
    struct store *store, *own_store;
};

static bool source_open(struct source *source, struct cli *cli, struct store_filter *filter,
                        struct error *err)
{
    struct workspace *workspace = NULL;
    if (!cli_open_recorded(cli, &workspace, err))
        return false;
    if (filter->flow) {
        if (!service_open(&source->service, workspace, err) ||
            !instances_find_flow(source->service, filter, err))
            return false;
        source->store = service_store(source->service);
        return true;
    }
    source->workspace = workspace;
    bool ok = store_open(&source->own_store, workspace->store_file, err);
    source->store = source->own_store;
    return ok;
}

static void source_close(struct source *source)
{
    service_close(source->service);
    store_close(source->own_store);
    workspace_close(source->workspace);
}

static int show(struct cli *cli, const char *id, struct store_filter *filter, bool with_payload)
{
    struct view view = {.cli = cli, .id = id, .with_payload = with_payload};
    struct source source = {.workspace = NULL};
    char newest[INSTANCE_ID_SIZE];
    struct error err = {0};
    bool ok = source_open(&source, cli, filter, &err) &&
              (id || instances_newest(source.store, filter, newest, &err));
    view.id = id ? id : newest;
    view.store = source.store;
    ok = ok && (cli->json ? write_all(&view, &err) : print_all(&view, &err));
    source_close(&source);
    return ok ? EXIT_DONE : cli_fail(cli, cli_status_of(&err), &err);
}

static int run(struct cli *cli, const struct arguments *arguments)
{
    const char *id = arguments->word_count > 0 ? arguments->words[0] : NULL;
    struct store_filter filter = {0};
    struct error err = {0};
    bool has_filter = false;
    static const char *const filters[] = {"flow", "state", "since", "until", "tracking", "trace"};
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        has_filter = has_filter || option_given(arguments, filters[i]);
    if (has_filter == (id != NULL))
        return cli_usage(cli, &cmd_show, "'show' needs an ID, or options that say which instance, not "
                                         "both");
    if (!instances_filter(arguments, &filter, &err))
        return cli_usage(cli, &cmd_show, "%s", err.message);
    return show(cli, id, &filter, option_given(arguments, "payload"));
}

static const struct option_spec options[] = {
    {"payload", 0, NULL, "Shows messages, requests and answers, too, as far as they are kept: the message "
                         "of what may be resubmitted, the rest at tracing debug. They may hold customer "
                         "data."},
    {"flow", 0, "FLOW", "The newest of this flow (identifier, alias or folder name)."},
    {"state", 0, "STATE", "The newest in this state: in_progress, completed, failed, aborted."},
    {"since", 0, "TIME", "Started at or after TIME: 90m, 12h, 7d ago, or a date and time in UTC."},
    {"until", 0, "TIME", "Started at or before TIME."},
    {"tracking", 0, "VALUE", "The newest with this tracking value, such as a file name."},
    {"trace", 0, "ID", "The newest of this distributed trace."},
    {"all", 'a', NULL, "Looks at the instances that other flows called, too."},
};

const struct command cmd_show = {
    .name = "show",
    .summary = "tells all about one instance",
    .synopsis = "show [--payload] ID\nshow [--payload] OPTION...",
    .description =
        "Shows one execution: flow, state, times, tracking values, every file with what became of "
        "it, the mails of it and of what it called, the activity stream (each call that the flow made and each line it wrote) and, if it "
        "failed, the fault with what to do next. ID may be cut to its first characters, 4 or more, "
        "as long as only one instance begins with them. Instead of ID, options tell which one: the newest "
        "that all of them fit.",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .json = "What 'instances' prints for one instance, and \"to_do\", \"tracking\": {name: value}, "
            "\"file_list\": [{\"name\", \"state\", \"detail\", \"size\", \"at\"}], \"called\": [id], "
            "\"mails\": [a mail as in 'sluice outbox'], "
            "\"activity\": "
            "[{\"at\", \"import\", \"connection\", \"subject\", \"result\", \"detail\", "
            "\"duration_us\", \"bytes\"}]; with --payload \"input\" and \"response\", and \"request\" and "
            "\"response\" of the calls that have them.",
    .exit_status = "0  done\n2  there is no such instance, or several begin with ID",
    .files = "state/sluice.db",
    .examples = " sluice show Xk3v\n sluice --json show Xk3v --payload\n"
                " sluice show --flow customer_sync_ack --state failed\n"
                " sluice show --tracking 48213377120455",
    .words_min = 0,
    .words_max = 1,
    .run = run,
};
