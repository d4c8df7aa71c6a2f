/* SPDX-License-Identifier: MIT */
/* sluice customize test: a customisation on one message, and what it changes. */
#include <stdio.h>
#include <string.h>

#include "base/document.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/customize.h"
#include "cli/print.h"
#include "store/store.h"

#define MESSAGE_SIZE_MAX (8u << 20)

struct trial {
    struct customize_call *call;
    struct buf message, output;
    struct buf log; /* JSON array items */
};

/* ---- the message ----------------------------------------------------------------------------------- */

struct search {
    const char *point;
    struct buf *message;
    bool is_found;
};

/* At tracing "debug" the call that hands a message to an extension point is recorded with it. */
static bool take_activity(void *context, const struct activity *activity)
{
    struct search *search = context;
    if (strcmp(activity->import, "flow.extend") != 0 || !activity->subject ||
        strcmp(activity->subject, search->point) != 0 || !activity->request)
        return true;
    buf_append(search->message, activity->request, activity->request_size);
    search->is_found = true;
    return false;
}

static bool read_recorded(struct customize_call *call, const char *id, const char *point,
                          struct buf *message, struct error *err)
{
    struct store *store = NULL;
    struct error none = {0};
    struct search search = {.point = point, .message = message};
    if (!store_open(&store, call->workspace->store_file, err))
        return false;
    bool ok = store_activities(store, id, take_activity, &search, err);
    if (ok && !search.is_found && strcmp(point, "request") == 0)
        search.is_found = store_payload(store, id, "input", message, &none);
    store_close(store);
    return ok && (search.is_found ||
                  error_set(err, ERROR_NOT_FOUND,
                            "instance %s has no message recorded at '%s': that takes tracing \"debug\" "
                            "(`sluice activate FLOW --tracing debug`)", id, point));
}

static bool read_message(struct customize_call *call, struct buf *message, struct error *err)
{
    const char *file = option_value(call->arguments, "message");
    const char *id = option_value(call->arguments, "instance");
    buf_init(message, MESSAGE_SIZE_MAX);
    if (!file == !id)
        return error_set(err, ERROR_INVALID, "give either --message FILE or --instance ID");
    return file ? file_read(file, message, err) : read_recorded(call, id, call->words[1], message, err);
}

/* ---- the result ------------------------------------------------------------------------------------ */

static void take_line(void *context, const char *text)
{
    struct trial *trial = context;
    FILE *err = trial->call->cli->err;
    if (trial->call->cli->json) {
        buf_append_text(&trial->log, trial->log.size ? "," : "");
        json_append_text(&trial->log, text, strlen(text));
        return;
    }
    fputs("log  ", err);
    print_text(err, text);
    fputc('\n', err);
}

static bool is_changed(const struct trial *trial)
{
    return trial->message.size != trial->output.size ||
           (trial->output.size > 0 &&
            memcmp(trial->message.data, trial->output.data, trial->output.size) != 0);
}

static void write_result(struct trial *trial)
{
    struct buf log;
    struct document document;
    buf_init(&log, trial->log.size + 2);
    buf_printf(&log, "[%s]", buf_text(&trial->log));
    document_init(&document);
    document_open(&document, NULL, '{');
    document_bytes(&document, "output", buf_text(&trial->output), trial->output.size);
    document_flag(&document, "changed", is_changed(trial));
    document_json(&document, "log", buf_text(&log));
    document_close(&document, '}');
    document_finish(&document, trial->call->cli->out);
    buf_release(&log);
}

static void tell_result(struct trial *trial)
{
    FILE *out = trial->call->cli->out;
    if (trial->call->cli->json)
        write_result(trial);
    else if (is_changed(trial))
        difference_print(out, trial->message.data, trial->message.size, trial->output.data,
                         trial->output.size);
    else
        fputs("nothing is changed\n", out);
}

int customize_test(struct customize_call *call)
{
    struct error err = {0};
    struct trial trial = {.call = call};
    buf_init(&trial.log, MESSAGE_SIZE_MAX);
    buf_init(&trial.output, 0);
    bool ok = read_message(call, &trial.message, &err) &&
              customise_try(call->customise, call->words[0], call->words[1], call->words[2],
                            buf_text(&trial.message), trial.message.size, &trial.output, take_line,
                            &trial, &err);
    if (ok)
        tell_result(&trial);
    buf_release(&trial.message);
    buf_release(&trial.output);
    buf_release(&trial.log);
    if (ok)
        return EXIT_DONE;
    return cli_fail(call->cli, err.kind == ERROR_FILTER ? EXIT_FAILED : cli_status_of(&err), &err);
}
