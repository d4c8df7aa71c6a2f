/* SPDX-License-Identifier: MIT */
/* How a customer sync run ends: exit status, mails, the answer. See customer_sync.h. */
#include <stdio.h>
#include <string.h>

#include "sluice/customer_sync.h"
#include "sluice/flow.h"
#include "sluice/lookup.h"
#include "sluice/notify.h"

#define SECTION_SIZE_MAX 60000u /* bytes of one list of files in a mail or answer */
#define NAME_SIZE_MAX 1024u
#define NAME_COLUMNS 50

#define NEXT_STEP_RETRY                                                                            \
    "Remove the cause. The next scheduled run picks up every file that was not transferred; to "   \
    "have them sooner, start this flow by hand."

#define NEXT_STEP_MARK                                                                             \
    "Rename the file named above at the source so that it carries the prefix of sent files (or "   \
    "move it away): it is already at the target. Until then each run finds its name taken "        \
    "at the target and stops there. Then start this flow by hand or wait for the next "            \
    "scheduled run."

#define NEXT_STEP_TAKEN                                                                            \
    "The target has a file of that name already, and nothing is overwritten. If it is the same "   \
    "file, from an earlier run, rename the one at the source so that it carries the prefix of "    \
    "sent files; else remove or rename the one at the target. Then start this flow by hand or "    \
    "wait for the next scheduled run."

struct totals {
    size_t count[SYNC_OUTCOME_COUNT];
    uint64_t bytes; /* of the files at the target */
};

static struct totals count_files(const struct customer_sync *sync)
{
    struct totals totals = {{0}, 0};
    for (size_t i = 0; i < sync->file_count; i++) {
        const struct sync_file *file = &sync->files[i];
        totals.count[file->outcome]++;
        if (file->outcome == SYNC_TRANSFERRED || file->outcome == SYNC_UNMARKED)
            totals.bytes += file->size;
    }
    return totals;
}

/* ---- notices ------------------------------------------------------------------------------ */

static void note_problem(struct customer_sync *sync, const char *what, const char *why)
{
    if (sync->notices.size > 0)
        text_add(&sync->notices, " ");
    text_add_format(&sync->notices, "%s: %s", what, why);
}

static void send_error(struct customer_sync *sync, const char *next_step)
{
    struct text why = {0};
    if (!notify_error(&sync->fault, next_step, &why))
        note_problem(sync, "The error mail was not sent", text_string(&why));
    text_release(&why);
}

static void send_business(struct customer_sync *sync, const char *subject, const struct text *body)
{
    struct fault problem = {0};
    if (!notify_mail(NOTIFY_TO_BUSINESS, subject, body, &problem))
        note_problem(sync, "The process mail was not sent", text_string(&problem.detail));
    fault_clear(&problem);
}

static void add_place_rows(const struct customer_sync *sync, struct text *body)
{
    struct text value = {0};
    notify_row(body, "Source", sync->source->connection);
    notify_row(body, "", text_string(&sync->place));
    if (sync->target == SYNC_TARGET_FTP) {
        notify_row(body, "Target", "OU FTP DACS for CCS-DACS");
        notify_row(body, "", text_string(&sync->directory));
    } else {
        notify_row(body, "Target", "OU REST DACS OS for CCS-DACS");
        text_add_format(&value, "%s/%s", text_string(&sync->name_space),
                        text_string(&sync->bucket));
        notify_row(body, "", text_string(&value));
    }
    notify_row(body, "File prefix", text_string(&sync->prefix));
    text_release(&value);
}

/* Files may be among them, so it must be told, whatever else the run did. */
static void add_unread(const struct customer_sync *sync, struct text *body)
{
    struct text sentence = {0};
    if (sync->unread_count == 0)
        return;
    text_add_format(&sentence,
                    "%u entries of the listing at the source could not be understood, so any files "
                    "among them were not seen. The log of Sluice shows the first.",
                    (unsigned)sync->unread_count);
    text_add(body, "\n");
    text_add_wrapped(body, text_string(&sentence), 0, NOTIFY_COLUMNS);
    text_release(&sentence);
}

static void no_file_mail(struct customer_sync *sync)
{
    struct text subject = {0}, body = {0};
    notify_subject(&subject);
    text_add(&subject, "no file found");
    text_add_wrapped(&body,
                     "No file was found at the source whose name begins with the prefix below and "
                     "that was not sent before. Nothing was transferred.",
                     0, NOTIFY_COLUMNS);
    text_add(&body, "\n");
    notify_execution_rows(&body);
    add_place_rows(sync, &body);
    text_add(&body, "\n");
    text_add_wrapped(&body,
                     "If files were expected, see whether the extract batches in CCS have run and "
                     "whether the prefix is the beginning of the file names they write.",
                     0, NOTIFY_COLUMNS);
    add_unread(sync, &body);
    send_business(sync, text_string(&subject), &body);
    text_release(&subject);
    text_release(&body);
}

static void add_sized_line(struct text *body, const struct sync_file *file)
{
    struct text name = {0}, size = {0};
    text_add_printable(&name, file->name, NAME_SIZE_MAX);
    text_add_count(&size, file->size);
    text_add_format(body, "  %-*s %13s bytes\n", NAME_COLUMNS, text_string(&name),
                    text_string(&size));
    text_release(&name);
    text_release(&size);
}

static void add_reason_lines(struct text *body, const struct sync_file *file)
{
    text_add(body, "  ");
    text_add_printable(body, file->name, NAME_SIZE_MAX);
    text_add(body, "\n");
    text_add_wrapped(body, file->reason ? file->reason : "", 6, NOTIFY_COLUMNS);
}

static void add_section(const struct customer_sync *sync, enum sync_outcome outcome, size_t count,
                        const char *heading, struct text *body)
{
    if (count == 0)
        return;
    size_t begin = body->size, shown = 0;
    text_add_format(body, "\n%s (%u)\n", heading, (unsigned)count);
    for (size_t i = 0; i < sync->file_count; i++) {
        const struct sync_file *file = &sync->files[i];
        if (file->outcome != outcome)
            continue;
        if (body->size - begin > SECTION_SIZE_MAX) {
            text_add_format(body, "  ... and %u more: see the instance\n",
                            (unsigned)(count - shown));
            return;
        }
        shown++;
        if (outcome == SYNC_TRANSFERRED)
            add_sized_line(body, file);
        else
            add_reason_lines(body, file);
    }
}

static const char *next_step(const struct customer_sync *sync, const struct totals *totals)
{
    if (totals->count[SYNC_UNMARKED])
        return NEXT_STEP_MARK;
    bool is_taken = strcmp(text_string(&sync->fault.code), "exists") == 0;
    return is_taken ? NEXT_STEP_TAKEN : NEXT_STEP_RETRY;
}

static void add_result(const struct totals *totals, struct text *out)
{
    size_t sent = totals->count[SYNC_TRANSFERRED] + totals->count[SYNC_UNMARKED];
    size_t tried = sent + totals->count[SYNC_NOT_TRANSFERRED];
    text_add_count(out, sent);
    if (tried > sent) {
        text_add(out, " of ");
        text_add_count(out, tried);
    }
    text_add(out, tried == 1 ? " file transferred" : " files transferred");
    if (totals->count[SYNC_UNMARKED])
        text_add_format(out, ", %u not marked as sent", (unsigned)totals->count[SYNC_UNMARKED]);
    if (totals->count[SYNC_POSTPONED])
        text_add_format(out, ", %u postponed", (unsigned)totals->count[SYNC_POSTPONED]);
}

static void add_opening(const struct customer_sync *sync, const struct totals *totals,
                        struct text *body)
{
    struct text sentence = {0};
    text_add(&sentence, fault_is_set(&sync->fault) ? "The process stopped at an error: "
                                                   : "The process is complete: ");
    add_result(totals, &sentence);
    text_add(&sentence, ".");
    text_add_wrapped(body, text_string(&sentence), 0, NOTIFY_COLUMNS);
    text_add(body, "\n");
    text_release(&sentence);
}

static void complete_mail(struct customer_sync *sync, const struct totals *totals)
{
    struct text subject = {0}, body = {0}, bytes = {0};
    notify_subject(&subject);
    add_result(totals, &subject);
    add_opening(sync, totals, &body);
    notify_execution_rows(&body);
    add_place_rows(sync, &body);
    text_add_count(&bytes, totals->bytes);
    text_add(&bytes, " bytes");
    notify_row(&body, "Transferred", text_string(&bytes));
    add_section(sync, SYNC_NOT_TRANSFERRED, totals->count[SYNC_NOT_TRANSFERRED],
                "Files not transferred", &body);
    add_section(sync, SYNC_UNMARKED, totals->count[SYNC_UNMARKED],
                "Files transferred but not marked as sent at the source", &body);
    add_section(sync, SYNC_POSTPONED, totals->count[SYNC_POSTPONED],
                "Files postponed to the next run", &body);
    add_section(sync, SYNC_TRANSFERRED, totals->count[SYNC_TRANSFERRED], "Files transferred",
                &body);
    if (sync->left_count)
        text_add_format(&body, "\nLeft for the next run: %s%u files beyond the first %u.\n",
                        sync->has_more ? "at least " : "", (unsigned)sync->left_count,
                        CUSTOMER_SYNC_FILES_MAX);
    add_unread(sync, &body);
    if (totals->count[SYNC_NOT_TRANSFERRED] || totals->count[SYNC_UNMARKED]) {
        text_add(&body, "\nWhat to do next\n");
        text_add_wrapped(&body, next_step(sync, totals), 2, NOTIFY_COLUMNS);
    }
    send_business(sync, text_string(&subject), &body);
    text_release(&subject);
    text_release(&body);
    text_release(&bytes);
}

/* ---- the answer --------------------------------------------------------------------------- */

static void add_names(cJSON *answer, const struct customer_sync *sync, enum sync_outcome outcome,
                      const char *member)
{
    cJSON *list = json_array();
    size_t size = 0;
    cJSON_AddItemToObject(answer, member, list);
    for (size_t i = 0; i < sync->file_count && size < SECTION_SIZE_MAX; i++) {
        const struct sync_file *file = &sync->files[i];
        if (file->outcome != outcome)
            continue;
        cJSON *entry = json_object();
        json_add_text(entry, "name", file->name);
        json_add_count(entry, "size", file->size);
        if (file->reason)
            json_add_text(entry, "reason", file->reason);
        cJSON_AddItemToArray(list, entry);
        size += strlen(file->name) + (file->reason ? strlen(file->reason) : 0) + 40;
    }
}

/* What the run did, for whoever started it: counts, and the files as far as there is room. */
static void respond(const struct customer_sync *sync, const struct totals *totals, int http_status)
{
    static const struct {
        enum sync_outcome outcome;
        const char *count, *list;
    } rows[] = {
        {SYNC_TRANSFERRED, "transferredCount", "transferred"},
        {SYNC_NOT_TRANSFERRED, "notTransferredCount", "notTransferred"},
        {SYNC_UNMARKED, "notMarkedCount", "notMarked"},
        {SYNC_POSTPONED, "postponedCount", "postponed"},
    };
    cJSON *answer = json_object();
    struct text out = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        json_add_count(answer, rows[i].count, totals->count[rows[i].outcome]);
    json_add_count(answer, "leftForNextRunCount", sync->left_count);
    if (sync->unread_count)
        json_add_count(answer, "notUnderstoodCount", sync->unread_count);
    json_add_count(answer, "bytes", totals->bytes);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        add_names(answer, sync, rows[i].outcome, rows[i].list);
    if (fault_is_set(&sync->fault)) {
        json_add_text(answer, "errorCode", text_string(&sync->fault.code));
        json_add_text(answer, "error", text_string(&sync->fault.detail));
    }
    if (sync->notices.size)
        json_add_text(answer, "notices", text_string(&sync->notices));
    json_print(answer, &out);
    flow_respond(http_status, out.data, out.size);
    cJSON_Delete(answer);
    text_release(&out);
}

/* ---- the three ends ----------------------------------------------------------------------- */

int customer_sync_end_without_file(struct customer_sync *sync)
{
    const struct totals none = {{0}, 0};
    if (lookup_flag("notification.email.process.nofile.flag"))
        no_file_mail(sync);
    respond(sync, &none, 200);
    return FLOW_DONE;
}

int customer_sync_end_failed(struct customer_sync *sync)
{
    send_error(sync, NEXT_STEP_RETRY);
    return fault_respond(&sync->fault, fault_http_status(&sync->fault));
}

static void report_fault(const struct customer_sync *sync, const struct totals *totals)
{
    struct fault fault = {0};
    if (fault_is_set(&sync->fault)) {
        fault_report(&sync->fault);
        return;
    }
    fault_set(&fault, "files_not_transferred", "Some files were not transferred",
              "%u files were left at the source; the run went on with the others.",
              (unsigned)totals->count[SYNC_NOT_TRANSFERRED]);
    fault_report(&fault);
    fault_clear(&fault);
}

int customer_sync_end(struct customer_sync *sync)
{
    customer_sync_settle_rest(sync);
    const struct totals totals = count_files(sync);
    size_t sent = totals.count[SYNC_TRANSFERRED] + totals.count[SYNC_UNMARKED];
    bool is_whole = !totals.count[SYNC_NOT_TRANSFERRED] && !totals.count[SYNC_UNMARKED];
    if (fault_is_set(&sync->fault))
        send_error(sync, next_step(sync, &totals));
    if (lookup_flag("notification.email.process.complete.flag"))
        complete_mail(sync, &totals);
    respond(sync, &totals, is_whole ? 200 : 500);
    if (is_whole)
        return FLOW_DONE;
    report_fault(sync, &totals);
    return sent ? FLOW_PARTLY_DONE : FLOW_FAILED;
}
