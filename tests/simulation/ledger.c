/* SPDX-License-Identifier: MIT */
/* See ledger.h. */
#include "ledger.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "transfer/content_server.h" /* the names that policy "number" gives */

/* ---- deliveries ------------------------------------------------------------------------------ */

static bool is_name_of(const char *published, const struct extract *extract)
{
    char numbered[REMOTE_NAME_SIZE_MAX + 1];
    if (strcmp(published, extract->name) == 0)
        return true;
    for (unsigned i = 2; world->plan.target_policy == CONFLICT_NUMBER && i <= CONFLICT_NUMBER_MAX; i++)
        if (conflict_name(extract->name, i, sizeof numbered - 1, numbered) &&
            strcmp(numbered, published) == 0)
            return true;
    return false;
}

/* How well a version fits a delivery: one that waits for it best, one that has had it least. */
static int fitness(const struct extract *extract)
{
    return extract->delivered > 0 ? 1 : extract->is_gone ? 2 : 3;
}

/* The version whose bytes these are; of several (empty ones) the one that fits best. */
static struct extract *find_extract(const struct file *file)
{
    struct extract *found = NULL;
    for (unsigned i = 0; i < world->extract_count; i++) {
        struct extract *extract = &world->extracts[i];
        bool is_same = body_is_same(&extract->body, &file->body) && is_name_of(file->name, extract);
        if (is_same && (!found || fitness(extract) > fitness(found)))
            found = extract;
    }
    return found;
}

static void note_instance(struct extract *extract, const char *instance)
{
    snprintf(extract->instance, sizeof extract->instance, "%s", instance);
}

void ledger_published(enum place_id place, struct file *file, const char *instance)
{
    struct extract *extract = find_extract(file);
    check_that(extract != NULL, "%s shows '%s' with %u bytes that are not those of one source file",
               place_name(place), file->name, file->body.size);
    if (!extract)
        return;
    file->extract = (int)(extract - world->extracts);
    extract->delivered++;
    world->deliveries++;
    note_instance(extract, instance);
    trace("delivered: '%s', version %d, by %s", file->name, file->extract, instance);
    check_that(extract->is_whole, "'%s' was delivered before its writer was done", file->name);
    check_that(!extract->is_refused, "'%s' was delivered, but must be refused", file->name);
    check_that(extract->delivered == 1, "'%s', version %d, was delivered twice", file->name,
               file->extract);
}

void ledger_taken(const struct file *file)
{
    check_that(file->extract >= 0, "DACS took '%s', which is no source file", file->name);
}

/* ---- what the host does to files ------------------------------------------------------------- */

static bool may_overwrite(enum place_id place)
{
    bool is_source = place % PLACE_SPARE == PLACE_CCS_FTP || place % PLACE_SPARE == PLACE_CCS_BUCKET;
    return (is_source ? world->plan.source_policy : world->plan.target_policy) ==
           CONFLICT_OVERWRITE;
}

void ledger_losing(enum place_id place, const struct file *file, const char *why)
{
    bool is_own = file->owner == OWNER_HOST && name_is_temporary(file->name);
    check_that(is_own || may_overwrite(place), "%s: '%s' of %s was %s by the host", place_name(place),
               file->name,
               file->owner == OWNER_FOREIGN    ? "somebody else"
               : file->owner == OWNER_PRODUCER ? "the producer"
                                               : "the host (delivered)",
               why);
}

void ledger_renaming(enum place_id place, const struct file *file, const char *to)
{
    check_that(file->owner != OWNER_FOREIGN, "%s: '%s' of somebody else was renamed to '%s'",
               place_name(place), file->name, to);
    if (file->owner == OWNER_HOST)
        check_that(name_is_temporary(file->name), "%s: '%s', delivered, was renamed to '%s'",
                   place_name(place), file->name, to);
}

void ledger_renamed(enum place_id place, struct file *file)
{
    struct extract *extract = file->extract >= 0 ? &world->extracts[file->extract] : NULL;
    bool is_mark = strncmp(file->name, "SENT-", 5) == 0;
    if (!extract)
        return;
    check_that(is_mark, "%s: a source was renamed to '%s'", place_name(place), file->name);
    check_that(extract->delivered > 0, "%s: '%s', version %d, was marked before it was delivered",
               place_name(place), file->name, file->extract);
    extract->marked++;
    world->marks++;
    trace("marked: '%s', version %d", file->name, file->extract);
}

void ledger_gone(const struct file *file)
{
    if (file->extract >= 0)
        world->extracts[file->extract].is_gone = true;
}

/* ---- mail ------------------------------------------------------------------------------------ */

static void copy_field(const char *text, const char *name, char *out, size_t size)
{
    size_t length = strlen(name);
    out[0] = '\0';
    for (const char *line = text; *line && *line != '\r'; line = strchr(line, '\n') + 1) {
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            const char *value = line + length + 1 + strspn(line + length + 1, " ");
            snprintf(out, size, "%.*s", (int)strcspn(value, "\r\n"), value);
            return;
        }
        if (!strchr(line, '\n'))
            return;
    }
}

static uint64_t digest_text(uint64_t digest, const char *text)
{
    for (; *text; text++)
        digest = (digest ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return digest;
}

/* One notice has one Message-ID, whoever sends it again; what another one says is another notice. */
static void check_notice(const struct mail_seen *mail)
{
    for (unsigned i = 0; i < world->mail_count; i++) {
        const struct mail_seen *other = &world->mails[i];
        if (other == mail)
            continue;
        check_that(strcmp(other->instance, mail->instance) != 0 ||
                       strcmp(other->subject, mail->subject) != 0,
                   "instance %s sent '%s' under two Message-IDs, %s and %s", mail->instance,
                   mail->subject, other->message_id, mail->message_id);
    }
}

/* What keeps the host from writing down that a mail was taken, or from knowing it later. */
static uint64_t count_troubles(void)
{
    static const enum mishap kinds[] = {MISHAP_KILL_BEFORE, MISHAP_KILL_AFTER,  MISHAP_POWER_CUT,
                                        MISHAP_TORN_WRITE,  MISHAP_FSYNC_FAILURE, MISHAP_DISK_FULL,
                                        MISHAP_WRITE_ERROR, MISHAP_STORE_BUSY,  MISHAP_STORE_AWAY};
    uint64_t count = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        count += world->mishaps[kinds[i]];
    return count;
}

/* The nth of those who have it, which it is now. */
static unsigned find_recipient(struct mail_seen *mail, const char *one, bool *has_it)
{
    unsigned nth = 0;
    size_t length = strlen(mail->recipients);
    const char *found = strstr(mail->recipients, one);
    for (const char *at = mail->recipients; *at && at != found; at++)
        nth += *at == '>';
    *has_it = found;
    check_that(nth < RECIPIENTS_MAX && length + strlen(one) < sizeof mail->recipients,
               "too many recipients to be noted");
    if (!found)
        snprintf(mail->recipients + length, sizeof mail->recipients - length, "%s", one);
    return nth;
}

/* Nobody gets a mail again without a reason. */
static void note_recipients(struct mail_seen *mail, const char *recipients, bool is_told)
{
    char one[300];
    for (const char *at = recipients; *at; at += strlen(one)) {
        bool has_it;
        snprintf(one, sizeof one, "%.*s", (int)strcspn(at, ">") + 1, at);
        struct receipt *receipt = &mail->receipts[find_recipient(mail, one, &has_it) % RECIPIENTS_MAX];
        check_that(!has_it || receipt->is_unsure || receipt->troubles != count_troubles(),
                   "%s got the mail %s again, and the host knew that it had it", one, mail->message_id);
        *receipt = (struct receipt){!is_told || world->now_ns < world->away_until_ns, count_troubles()};
    }
}

void ledger_mail(const char *text, size_t size, const char *recipients, bool is_told)
{
    struct mail_seen mail = {0};
    note_recipients(&mail, recipients, is_told);
    copy_field(text, "Message-ID", mail.message_id, sizeof mail.message_id);
    copy_field(text, "X-Sluice-Instance", mail.instance, sizeof mail.instance);
    copy_field(text, "Subject", mail.subject, sizeof mail.subject);
    const char *body = strstr(text, "\r\n\r\n");
    mail.digest = digest_text(digest_text(1, mail.subject), body ? body : "");
    trace("mail of %zu bytes: %s, '%s', for %s", size, mail.message_id, mail.subject, recipients);
    check_that(mail.message_id[0] && mail.instance[0] && body, "a mail without Message-ID or instance");
    for (unsigned i = 0; i < world->mail_count; i++) {
        struct mail_seen *known = &world->mails[i];
        if (strcmp(known->message_id, mail.message_id) != 0)
            continue;
        note_recipients(known, recipients, is_told);
        check_that(known->digest == mail.digest, "two different mails have the Message-ID %s",
                   mail.message_id);
        return;
    }
    if (world->mail_count == MAILS_MAX)
        return;
    world->mails[world->mail_count++] = mail;
    check_notice(&world->mails[world->mail_count - 1]);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void judge_extract(unsigned index)
{
    const struct extract *extract = &world->extracts[index];
    if (extract->is_refused) {
        check_that(extract->marked == 0, "'%s' was marked, but must be left alone", extract->name);
        return;
    }
    if (extract->is_gone)
        return;
    check_that(extract->delivered == 1, "lost: '%s', version %u, was never delivered", extract->name,
               index);
    check_that(extract->marked == 1, "'%s', version %u, was delivered but %s", extract->name, index,
               extract->marked ? "marked twice" : "never marked");
}

static void judge_place(enum place_id place)
{
    const struct file *files = world->places[place].files;
    for (int i = 0; i < FILES_MAX; i++)
        if (files[i].exists)
            check_that(!name_is_temporary(files[i].name), "%s still has the temporary file '%s'",
                       place_name(place), files[i].name);
}

void ledger_judge(void)
{
    for (unsigned i = 0; i < world->extract_count; i++)
        judge_extract(i);
    for (int i = 0; i < PLACE_COUNT; i++)
        judge_place((enum place_id)i);
    for (int i = 0; i < UPLOADS_MAX; i++)
        check_that(!world->uploads[i].is_open || !world->uploads[i].is_known, "%s still has an open upload of '%s'",
                   place_name(world->uploads[i].place), world->uploads[i].name);
}
