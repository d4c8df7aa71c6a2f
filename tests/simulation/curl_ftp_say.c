/* SPDX-License-Identifier: MIT */
/* Commands, replies and the login of the simulated libcurl's FTP. */
#include <string.h>

#include "curl_ftp.h"
#include "schedule.h"

int ftp_code_of(enum mishap mishap, const char **text)
{
    static const struct {
        enum mishap mishap;
        int code;
        const char *text;
    } replies[] = {
        {MISHAP_FTP_GREETING_421, 421, "Too many connections, try again later"},
        {MISHAP_FTP_421, 421, "Service not available, closing control connection"},
        {MISHAP_FTP_425, 425, "Can't open data connection"},
        {MISHAP_FTP_426, 426, "Connection closed; transfer aborted"},
        {MISHAP_FTP_450, 450, "Requested file action not taken: file busy"},
        {MISHAP_FTP_451, 451, "Requested action aborted: local error in processing"},
        {MISHAP_FTP_452, 452, "Insufficient storage space in system"},
        {MISHAP_FTP_530, 530, "Login incorrect"},
        {MISHAP_FTP_530_BUSY, 530, "Sorry, too many users"},
        {MISHAP_FTP_332, 332, "Need account for login"},
        {MISHAP_FTP_550, 550, "Requested action not taken"},
        {MISHAP_FTP_552, 552, "Exceeded storage allocation"},
        {MISHAP_FTP_553, 553, "Could not create file"},
        {MISHAP_FTP_NO_EPSV, 500, "EPSV not understood"},
        {MISHAP_FTP_NO_TLS, 500, "AUTH not understood"},
        {MISHAP_FTP_LIST_EMPTY_450, 450, "No files found"},
    };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++)
        if (replies[i].mishap == mishap) {
            *text = replies[i].text;
            return replies[i].code;
        }
    return 0;
}

/* ---- one command ----------------------------------------------------------------------------- */

CURLcode ftp_hear(struct ftp *ftp, int code, const char *text)
{
    char line[256];
    snprintf(line, sizeof line, "%d %s", code, text);
    trace("  %s", line);
    easy_note(ftp->easy, CURLINFO_HEADER_IN, line);
    ftp->code = code;
    ftp->easy->status = code;
    if (code != 421)
        return CURLE_OK;
    easy_disconnect(ftp->easy);
    return easy_fail(ftp->easy, CURLE_OPERATION_TIMEDOUT, "We got a 421 - timeout");
}

void ftp_note_command(struct ftp *ftp, const char *verb, const char *argument)
{
    char line[1024];
    snprintf(line, sizeof line, "%s%s%s", verb, argument[0] ? " " : "", argument);
    trace("%s %s", server_name(ftp->session->server), strcmp(verb, "PASS") == 0 ? verb : line);
    easy_note(ftp->easy, CURLINFO_HEADER_OUT, line);
}

/* A server that says 550 of what is there, as it does of what is not: nobody could tell that of a name
 * whose like is looked at before each rename, so of those it says why. */
static void refuse_look(struct ftp *ftp, const char *name, struct reply *reply)
{
    bool is_common = ftp->place % PLACE_SPARE == PLACE_CCS_FTP ? strncmp(name, "SENT-", 5) == 0
                                                 : !name_is_temporary(name);
    if (reply->code != 213 || !mishap_happens_often(MISHAP_FTP_LOOK_550))
        return;
    reply->code = 550;
    snprintf(reply->text, sizeof reply->text, "%s",
             is_common ? "The process cannot access the file because it is being used by another process"
                       : "Could not get file size");
}

/* What a server does, and what it says of it. True: nothing, it is done later. */
static bool serve(struct ftp *ftp, const char *verb, const char *argument, struct reply *reply)
{
    const bool is_rename = strcmp(verb, "RNTO") == 0;
    ftp_act_late(ftp->place, argument);
    const struct file *file = is_rename ? ftp_file(ftp->session, ftp->session->renames) : NULL;
    if (file && !ftp_file(ftp->session, argument) && mishap_happens_often(MISHAP_RENAME_LATE)) {
        ftp_rename_later(ftp->place, file, argument);
        return true;
    }
    ftp_serve(ftp->session, verb, argument, reply);
    if (strcmp(verb, "SIZE") == 0)
        refuse_look(ftp, argument, reply);
    if (is_rename && reply->code == 250 && mishap_happens_often(MISHAP_RENAME_REFUSED))
        *reply = (struct reply){draw_later_chance(500) ? 451 : 550, "Rename failed"};
    return false;
}

CURLcode ftp_say(struct ftp *ftp, const char *verb, const char *argument,
                 const enum mishap kinds[])
{
    struct reply reply;
    const char *text = "";
    ftp->code = 0;
    CURLcode code = easy_step(ftp->easy);
    if (code != CURLE_OK)
        return code;
    ftp_note_command(ftp, verb, argument);
    effect_begins(verb);
    enum network network = easy_draw_network(ftp->easy, &code);
    if (network == NETWORK_LOST_BEFORE) {
        easy_disconnect(ftp->easy);
        return code;
    }
    int refusal = ftp_code_of(mishap_draw(kinds), &text);
    bool is_late = refusal == 0 && serve(ftp, verb, argument, &reply);
    effect_happened();
    if (is_late && network == NETWORK_FINE) {
        network = NETWORK_LOST_AFTER;
        code = easy_fail(ftp->easy, CURLE_RECV_ERROR, "response reading failed");
    }
    if (network == NETWORK_LOST_AFTER) {
        easy_disconnect(ftp->easy);
        return code;
    }
    return refusal ? ftp_hear(ftp, refusal, text) : ftp_hear(ftp, reply.code, reply.text);
}

const enum mishap ftp_any_command[] = {MISHAP_FTP_421, MISHAP_NONE};
static const enum mishap at_login[] = {MISHAP_FTP_421, MISHAP_FTP_530, MISHAP_FTP_530_BUSY,
                                       MISHAP_FTP_332, MISHAP_NONE};
static const enum mishap at_tls[] = {MISHAP_FTP_421, MISHAP_FTP_NO_TLS, MISHAP_NONE};
const enum mishap ftp_at_folder[] = {MISHAP_FTP_421, MISHAP_FTP_550, MISHAP_NONE};
static const enum mishap at_look[] = {MISHAP_FTP_421, MISHAP_FTP_450, MISHAP_NONE};
static const enum mishap at_rename[] = {MISHAP_FTP_421, MISHAP_FTP_450, MISHAP_FTP_451,
                                        MISHAP_FTP_550, MISHAP_FTP_553, MISHAP_NONE};
static const enum mishap at_delete[] = {MISHAP_FTP_421, MISHAP_FTP_450, MISHAP_FTP_550,
                                        MISHAP_NONE};

static const enum mishap *kinds_of(const char *verb)
{
    static const struct {
        const char *verb;
        const enum mishap *kinds;
    } rows[] = {
        {"CWD", ftp_at_folder},  {"SIZE", at_look},   {"MDTM", ftp_any_command},
        {"RNFR", at_rename}, {"RNTO", at_rename}, {"DELE", at_delete},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].verb, verb) == 0)
            return rows[i].kinds;
    return ftp_any_command;
}

/* FEAT's reply has lines before its last. */
static void note_features(struct ftp *ftp)
{
    if (ftp->flavour->rejects_feat)
        return;
    easy_note(ftp->easy, CURLINFO_HEADER_IN, "211-Features:");
    if (ftp->flavour->has_mlsd)
        easy_note(ftp->easy, CURLINFO_HEADER_IN, " MLST type*;size*;modify*;");
    easy_note(ftp->easy, CURLINFO_HEADER_IN, " SIZE");
}

CURLcode ftp_quote(struct ftp *ftp, const struct curl_slist *list)
{
    for (; list; list = list->next) {
        char verb[16];
        const char *line = list->data + (list->data[0] == '*');
        size_t size = strcspn(line, " ");
        snprintf(verb, sizeof verb, "%.*s", (int)size, line);
        if (strcmp(verb, "FEAT") == 0)
            note_features(ftp);
        CURLcode code = ftp_say(ftp, verb, line[size] ? line + size + 1 : "", kinds_of(verb));
        if (code != CURLE_OK)
            return code;
        if (ftp->code >= 400 && list->data[0] != '*')
            return easy_fail(ftp->easy, CURLE_QUOTE_ERROR, "QUOT command failed with %03d", ftp->code);
    }
    return CURLE_OK;
}

/* ---- login ----------------------------------------------------------------------------------- */

static CURLcode greet(struct ftp *ftp)
{
    static const enum mishap kinds[] = {MISHAP_FTP_GREETING_421, MISHAP_RESET_BEFORE, MISHAP_NONE};
    const char *text = "FTP server ready";
    enum mishap mishap = mishap_draw(kinds);
    if (mishap == MISHAP_RESET_BEFORE) {
        easy_disconnect(ftp->easy);
        return easy_fail(ftp->easy, CURLE_RECV_ERROR, "response reading failed");
    }
    int refusal = ftp_code_of(mishap, &text);
    return ftp_hear(ftp, refusal ? refusal : 220, text);
}

static CURLcode refuse_tls(struct ftp *ftp)
{
    return easy_fail(ftp->easy, CURLE_USE_SSL_FAILED, "Requested SSL level failed");
}

static CURLcode protect(struct ftp *ftp)
{
    CURLcode code = ftp_say(ftp, "AUTH", "SSL", at_tls);
    if (code == CURLE_OK && ftp->code >= 300)
        code = ftp_say(ftp, "AUTH", "TLS", at_tls);
    return code == CURLE_OK && ftp->code >= 300 ? refuse_tls(ftp) : code;
}

static CURLcode identify(struct ftp *ftp)
{
    CURLcode code = ftp_say(ftp, "USER", ftp->easy->user ? ftp->easy->user : "anonymous", at_login);
    if (code == CURLE_OK && ftp->code == 331)
        code = ftp_say(ftp, "PASS", ftp->easy->password ? ftp->easy->password : "", at_login);
    if (code == CURLE_OK && ftp->code / 100 != 2)
        code = easy_fail(ftp->easy, CURLE_LOGIN_DENIED, "Access denied: %03d", ftp->code);
    return code;
}

CURLcode ftp_log_in(struct ftp *ftp)
{
    struct easy *easy = ftp->easy;
    bool has_tls = strncmp(easy->url, "ftps", 4) == 0;
    CURLcode code = greet(ftp);
    ftp->session->is_protected = has_tls;
    if (code == CURLE_OK && !has_tls && easy->use_ssl == CURLUSESSL_ALL) {
        code = protect(ftp);
        ftp->session->is_protected = has_tls = code == CURLE_OK;
    }
    if (code == CURLE_OK)
        code = identify(ftp);
    if (code == CURLE_OK && has_tls)
        code = ftp_say(ftp, "PBSZ", "0", ftp_any_command);
    if (code == CURLE_OK && has_tls)
        code = ftp_say(ftp, "PROT", "P", at_tls);
    if (code == CURLE_OK && has_tls && ftp->code / 100 != 2)
        code = refuse_tls(ftp);
    if (code == CURLE_OK)
        code = ftp_say(ftp, "PWD", "", ftp_any_command);
    snprintf(easy->entry_path, sizeof easy->entry_path, "%s", FTP_HOME);
    return code;
}
