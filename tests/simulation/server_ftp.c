/* SPDX-License-Identifier: MIT */
/* See server_ftp.h. */
#include "server_ftp.h"

#include <string.h>
#include <time.h>

#include "base/text.h"
#include "ledger.h"

enum place_id server_place(enum server server)
{
    static const enum place_id places[] = {
        [SERVER_CCS_FTP] = PLACE_CCS_FTP,
        [SERVER_DACS_FTP] = PLACE_DACS_FTP,
        [SERVER_CCS_STORAGE] = PLACE_CCS_BUCKET,
        [SERVER_DACS_STORAGE] = PLACE_DACS_BUCKET,
        [SERVER_SPARE_CCS_FTP] = PLACE_SPARE + PLACE_CCS_FTP,
        [SERVER_SPARE_DACS_FTP] = PLACE_SPARE + PLACE_DACS_FTP,
        [SERVER_SPARE_CCS_STORAGE] = PLACE_SPARE + PLACE_CCS_BUCKET,
        [SERVER_SPARE_DACS_STORAGE] = PLACE_SPARE + PLACE_DACS_BUCKET,
    };
    return places[server];
}

const struct flavour *server_flavour(enum server server)
{
    return &world->plan.ftp[server_place(server)];
}

static void say(struct reply *reply, int code, const char *text)
{
    reply->code = code;
    snprintf(reply->text, sizeof reply->text, "%s", text);
}

/* ---- files ----------------------------------------------------------------------------------- */

struct file *ftp_file(const struct session *session, const char *name)
{
    bool is_there = strcmp(session->folder, FTP_HOME "/" FTP_FOLDER) == 0;
    return is_there ? file_find(server_place(session->server), name) : NULL;
}

struct file *ftp_store_begins(struct session *session, const char *name)
{
    enum place_id place = server_place(session->server);
    struct file *file = ftp_file(session, name);
    if (file)
        ledger_losing(place, file, "overwritten");
    else
        file = file_new(place, name, OWNER_HOST);
    file->body = body_new(4096);
    file->owner = OWNER_HOST;
    file->modified_s = world_wall_s();
    check_that(name_is_temporary(name), "%s: '%s' is written under its final name",
               place_name(place), name);
    return file;
}

/* Of a temporary name: sluice-INSTANCE-TIME-COUNT.part */
static void instance_of(const char *temporary, char out[static 32])
{
    snprintf(out, 32, "%.22s", strlen(temporary) > 29 ? temporary + 7 : "?");
}

void ftp_rename(enum place_id place, struct file *file, const char *to)
{
    char instance[32];
    struct file *other = file_find(place, to);
    ledger_renaming(place, file, to);
    if (other == file)
        return;
    if (other) {
        ledger_losing(place, other, "overwritten");
        other->exists = false;
    }
    instance_of(file->name, instance);
    snprintf(file->name, sizeof file->name, "%s", to);
    if (file->owner == OWNER_HOST && !name_is_temporary(to))
        ledger_published(place, file, instance);
    else if (file->owner == OWNER_PRODUCER)
        ledger_renamed(place, file);
    world->places[place].awaited[0] = '\0';
}

void ftp_delete(enum place_id place, struct file *file)
{
    ledger_losing(place, file, "deleted");
    file->exists = false;
}

void ftp_rename_later(enum place_id place, const struct file *file, const char *to)
{
    struct late_rename *late = &world->late_rename;
    *late = (struct late_rename){.place = place, .body = file->body};
    snprintf(late->from, sizeof late->from, "%s", file->name);
    snprintf(late->to, sizeof late->to, "%s", to);
}

/* Not where somebody came between: nobody could help that. */
void ftp_act_late(enum place_id place, const char *name)
{
    struct late_rename *late = &world->late_rename;
    if (!late->from[0] || late->place != place)
        return;
    if (!late->was_looked_at) {
        late->was_looked_at = strcmp(name, late->from) == 0;
        return;
    }
    if (!draw_later_chance(400))
        return;
    struct file *file = file_find(place, late->from);
    bool is_same = file && file->body.at == late->body.at && file->body.size == late->body.size;
    trace("  late: '%s' becomes '%s'%s", late->from, late->to, is_same ? "" : ": no more");
    if (is_same && !file_find(place, late->to))
        ftp_rename(place, file, late->to);
    late->from[0] = '\0';
}

void ftp_write_later(enum place_id place, const char *name, const struct body *rest)
{
    struct late_write *late = &world->late;
    *late = (struct late_write){
        .place = place, .rest = *rest, .due_ns = world->now_ns + (int64_t)draw_below(60) * NS_PER_S};
    snprintf(late->name, sizeof late->name, "%s", name);
}

/* ---- listings -------------------------------------------------------------------------------- */

void ftp_list_files(enum place_id place, bool is_mlsd, struct buf *out)
{
    const struct file *files = world->places[place].files;
    char stamp[32];
    if (!is_mlsd)
        buf_append_text(out, "total 8\r\n");
    for (int i = 0; i < FILES_MAX; i++) {
        const struct file *file = &files[i];
        struct tm utc;
        time_t modified = (time_t)file->modified_s;
        if (!file->exists)
            continue;
        gmtime_r(&modified, &utc);
        strftime(stamp, sizeof stamp, is_mlsd ? "%Y%m%d%H%M%S" : "%b %d %H:%M", &utc);
        if (is_mlsd)
            buf_printf(out, "type=file;size=%u;modify=%s; %s\r\n", file->body.size, stamp,
                       file->name);
        else
            buf_printf(out, "-rw-r--r--    1 sync sync %8u %s %s\r\n", file->body.size, stamp,
                       file->name);
    }
    buf_append_text(out, is_mlsd ? "type=dir;modify=20260101000000; archive\r\n"
                                 : "drwxr-xr-x    2 sync sync     4096 Jan 01 00:00 archive\r\n");
}

/* ---- commands -------------------------------------------------------------------------------- */

static void change_folder(struct session *session, const char *to, struct reply *reply)
{
    char path[CWD_SIZE + NAME_SIZE];
    if (to[0] == '/')
        snprintf(path, sizeof path, "%s", to);
    else
        snprintf(path, sizeof path, "%s/%s", session->folder, to);
    bool exists = strcmp(path, FTP_HOME) == 0 || strcmp(path, FTP_HOME "/" FTP_FOLDER) == 0;
    if (exists)
        snprintf(session->folder, sizeof session->folder, "%.*s", CWD_SIZE - 1, path);
    say(reply, exists ? 250 : 550, exists ? "Directory changed" : "No such directory");
}

/* No rename of these servers asks for a version: whoever replaces a delivered file after the host's last
 * look loses the race, and nobody could help it. So here nobody does. */
void ftp_looked_at(struct file *file)
{
    if (file->extract >= 0 && world->extracts[file->extract].delivered > 0)
        file->is_awaited = true;
}

static void tell_size(const struct session *session, const char *name, struct reply *reply)
{
    struct file *file = ftp_file(session, name);
    say(reply, 550, "Could not get file size");
    if (file) {
        ftp_looked_at(file);
        reply->code = 213;
        snprintf(reply->text, sizeof reply->text, "%u", file->body.size);
    } else if (!name_is_temporary(name)) {
        snprintf(world->places[server_place(session->server)].awaited, NAME_SIZE, "%s", name);
    }
}

static void tell_time(const struct session *session, const char *name, struct reply *reply)
{
    const struct file *file = ftp_file(session, name);
    struct tm utc;
    say(reply, 550, "No such file");
    if (file) {
        time_t modified = (time_t)file->modified_s;
        gmtime_r(&modified, &utc);
        reply->code = 213;
        strftime(reply->text, sizeof reply->text, "%Y%m%d%H%M%S", &utc);
    }
}

static void rename_to(struct session *session, const char *to, struct reply *reply)
{
    struct file *file = session->renames[0] ? ftp_file(session, session->renames) : NULL;
    say(reply, 550, "Rename failed");
    session->renames[0] = '\0';
    if (!file)
        return;
    ftp_rename(server_place(session->server), file, to);
    say(reply, 250, "Rename successful");
}

static void rename_from(struct session *session, const char *name, struct reply *reply)
{
    bool exists = ftp_file(session, name) != NULL;
    snprintf(session->renames, sizeof session->renames, "%s", exists ? name : "");
    say(reply, exists ? 350 : 550, exists ? "Ready for RNTO" : "RNFR command failed: no such file");
}

static void delete(struct session *session, const char *name, struct reply *reply)
{
    struct file *file = ftp_file(session, name);
    if (file)
        ftp_delete(server_place(session->server), file);
    say(reply, file ? 250 : 550, file ? "Deleted" : "No such file");
}

static void enter_binary(struct session *session, const char *type, struct reply *reply)
{
    session->type = type[0];
    say(reply, 200, "Switching mode");
}

static void log_in(struct session *session, const char *password, struct reply *reply)
{
    (void)password;
    check_that(session->is_protected || server_flavour(session->server)->tls == TLS_NONE,
               "%s got a password in clear", server_name(session->server));
    snprintf(session->folder, sizeof session->folder, "%s", FTP_HOME);
    say(reply, 230, "Login successful");
}

void ftp_serve(struct session *session, const char *verb, const char *argument, struct reply *reply)
{
    static const struct {
        const char *verb;
        void (*act)(struct session *session, const char *argument, struct reply *reply);
        int code;
        const char *text;
    } commands[] = {
        {"PASS", log_in, 0, NULL},
        {"CWD", change_folder, 0, NULL},
        {"TYPE", enter_binary, 0, NULL},
        {"RNFR", rename_from, 0, NULL},
        {"RNTO", rename_to, 0, NULL},
        {"DELE", delete, 0, NULL},
        {"AUTH", NULL, 234, "Proceed with negotiation"},
        {"USER", NULL, 331, "Please specify the password"},
        {"PBSZ", NULL, 200, "PBSZ set to 0"},
        {"PROT", NULL, 200, "PROT now Private"},
        {"PWD", NULL, 257, "\"" FTP_HOME "\" is the current directory"},
        {"EPSV", NULL, 229, "Entering Extended Passive Mode (|||40000|)"},
        {"PASV", NULL, 227, "Entering Passive Mode (127,0,0,1,156,64)"},
    };
    check_that(!text_has_control(argument), "a control byte was sent: %s '%s'", verb, argument);
    say(reply, 500, "Unknown command");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].verb, verb) != 0)
            continue;
        if (commands[i].act)
            commands[i].act(session, argument, reply);
        else
            say(reply, commands[i].code, commands[i].text);
        return;
    }
    if (strcmp(verb, "SIZE") == 0)
        tell_size(session, argument, reply);
    else if (strcmp(verb, "MDTM") == 0)
        tell_time(session, argument, reply);
    else if (strcmp(verb, "FEAT") == 0 && !server_flavour(session->server)->rejects_feat)
        say(reply, 211, "End");
}
