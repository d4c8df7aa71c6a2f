/* SPDX-License-Identifier: MIT */
/*
 * FTP replies as errors. The same code means different things after different commands and on
 * different servers (551, 451 and 426 for a full disk; 451 for a forbidden rename), so the verb,
 * the code and a few words of the text decide together. Observed on vsftpd 3.0.3, ProFTPD 1.3.8,
 * Pure-FTPd 1.0.50 and pyftpdlib 1.5.7.
 */
#include <string.h>

#include "transfer/ftp_session.h"

static bool mentions(const struct ftp_exchange *said, const char *const words[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasestr(said->text, words[i]))
            return true;
    return false;
}

#define MENTIONS(said, ...)                                                                        \
    mentions((said), (const char *const[]){__VA_ARGS__},                                           \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static bool is_one_of(const char *verb, const char *const verbs[])
{
    for (; *verbs; verbs++)
        if (strcmp(verb, *verbs) == 0)
            return true;
    return false;
}

struct verdict {
    enum error_kind kind;
    enum error_retry retry;
    const char *what, *remedy;
};

static bool wants_tls(const struct ftp_exchange *said)
{
    return MENTIONS(said, "ssl", "tls", "encrypt");
}

/* Words about this account or password. "Too many failed attempts" is no lack of room. */
static bool is_refusal(const struct ftp_exchange *said)
{
    return MENTIONS(said, "incorrect", "failed", "failure", "attempt", "locked", "invalid", "denied",
                    "disabled", "expired", "wrong", "bad password", "unknown user");
}

/* A polite "please try again" asks for another password; only "later" promises that time helps. */
static bool is_crowded(const struct ftp_exchange *said)
{
    return MENTIONS(said, "too many", "maximum", "limit", "busy", "later");
}

/* Refused logins are never repeated but where the server says that it has too many: an account that is
 * knocked at again and again gets locked. Where it says both, not either: the next run comes anyway. */
static struct verdict judge_login(const struct ftp_exchange *said)
{
    if (wants_tls(said))
        return (struct verdict){ERROR_DENIED, RETRY_NEVER,
                                "the server wants TLS before the login",
                                "set tls to \"explicit\""};
    if (is_crowded(said) && !is_refusal(said))
        return (struct verdict){ERROR_UNAVAILABLE, RETRY_LATER,
                                "the server takes no more logins",
                                "try again later or use fewer connections"};
    if (said->code == 332 || strcmp(said->verb, "ACCT") == 0)
        return (struct verdict){ERROR_UNSUPPORTED, RETRY_NEVER,
                                "the server asks for an account (ACCT)",
                                "use a login that needs none"};
    bool is_greeting = said->verb[0] == '\0';
    if ((is_greeting && said->code < 500) || said->code == 434 || said->code == 450 ||
        said->code == 451)
        return (struct verdict){ERROR_UNAVAILABLE, RETRY_LATER, "the server takes no login now",
                                "try again later"};
    return (struct verdict){ERROR_DENIED, RETRY_NEVER, "login refused",
                            "check user and password"};
}

/* RFC 2228, 4: 431 is a lack of resources, 5xx a refusal. */
static struct verdict judge_tls(const struct ftp_exchange *said)
{
    return (struct verdict){ERROR_REFUSED, said->code == 431 ? RETRY_LATER : RETRY_NEVER,
                            "the server does not offer TLS",
                            "correct the server or the tls setting; no password was sent"};
}

static struct verdict judge_data_connection(const struct ftp_exchange *said)
{
    if (MENTIONS(said, "reuse", "session"))
        return (struct verdict){ERROR_UNSUPPORTED, RETRY_NEVER,
                                "the server does not accept the TLS session of the data connection",
                                "check its TLS session cache settings"};
    return (struct verdict){ERROR_UNAVAILABLE, said->code < 500 ? RETRY_LATER : RETRY_FEW,
                            "no data connection",
                            "check the server's passive ports and the firewall"};
}

/* A full disk is told by 452, 552, 451 and (pyftpdlib) 426. 426 is also what every server says of a
 * connection that broke, and 451 what Pure-FTPd says of one. */
static struct verdict judge_store(const struct ftp_exchange *said)
{
    if (said->code == 452 || said->code == 552 || MENTIONS(said, "space", "quota", "disk full"))
        return (struct verdict){ERROR_LIMIT, RETRY_NEVER,
                                "the server's disk is full or a quota is reached",
                                "make room there; the source was left as it was"};
    if (said->code == 451)
        return (struct verdict){ERROR_LIMIT, RETRY_FEW,
                                "the server could not write the file, as when its disk is full",
                                "check its disk and log; the source was left as it was"};
    if (said->code == 426)
        return (struct verdict){ERROR_BROKEN, RETRY_FEW,
                                "the server broke the upload off, as when its disk is full",
                                "check its disk and the network; the source was left as it was"};
    if (said->code == 450)
        return (struct verdict){ERROR_UNAVAILABLE, RETRY_LATER, "the server takes no file now",
                                "try again later"};
    return (struct verdict){ERROR_DENIED, RETRY_NEVER, "the file may not be written",
                            "check that the folder is writable for this user"};
}

static struct verdict judge_read(const struct ftp_exchange *said)
{
    if (said->code == 426 || said->code == 451)
        return (struct verdict){ERROR_BROKEN, RETRY_LATER, "the server broke the download off",
                                "it is tried again by the next run"};
    if (MENTIONS(said, "permission", "denied", "not allowed"))
        return (struct verdict){ERROR_DENIED, RETRY_NEVER, "the file may not be read",
                                "check its permissions for this user"};
    if (said->code == 450)
        return (struct verdict){ERROR_UNAVAILABLE, RETRY_LATER, "the file is in use",
                                "try again later"};
    return (struct verdict){ERROR_NOT_FOUND, RETRY_NEVER, "the file is gone or may not be read",
                            "check that nobody else takes files from the folder"};
}

/* 451 looks like a moment's trouble; Pure-FTPd says it of what it never permits. */
static struct verdict judge_rename(const struct ftp_exchange *said)
{
    if (said->code == 450)
        return (struct verdict){ERROR_UNAVAILABLE, RETRY_LATER, "the file is in use",
                                "try again later"};
    if (strcmp(said->verb, "RNFR") == 0 && !MENTIONS(said, "permission", "denied"))
        return (struct verdict){ERROR_NOT_FOUND, RETRY_NEVER, "the file to rename is not there",
                                "check that nobody else takes files from the folder"};
    return (struct verdict){ERROR_REFUSED, RETRY_NEVER, "the server refuses the rename",
                            "check that the user may rename files in the folder"};
}

static struct verdict judge_list(const struct ftp_exchange *said)
{
    if (said->code == 426 || said->code == 451)
        return (struct verdict){ERROR_BROKEN, RETRY_LATER, "the listing was cut",
                                "try again later"};
    return (struct verdict){ERROR_REFUSED, said->code < 500 ? RETRY_FEW : RETRY_NEVER,
                            "the server refuses the command", "try again later"};
}

static struct verdict judge_folder(const struct ftp_exchange *said)
{
    return (struct verdict){ERROR_NOT_FOUND, said->code < 500 ? RETRY_FEW : RETRY_NEVER,
                            "the folder does not exist or may not be entered",
                            "check the directory property"};
}

static bool is_login(const struct ftp_exchange *said)
{
    static const char *const verbs[] = {"USER", "PASS", "ACCT", "", NULL};
    return is_one_of(said->verb, verbs);
}

static struct verdict judge(const struct ftp_exchange *said, enum ftp_wish wish)
{
    static const char *const tls[] = {"AUTH", "PBSZ", "PROT", NULL};
    static const char *const passive[] = {"EPSV", "PASV", "EPRT", "PORT", NULL};
    if (said->code == 421 && !wants_tls(said)) /* Pure-FTPd asks for TLS by 421 */
        return (struct verdict){ERROR_UNAVAILABLE, RETRY_LATER,
                                "the server is busy or closes the connection", "try again later"};
    if (is_login(said))
        return judge_login(said);
    if (is_one_of(said->verb, tls))
        return judge_tls(said);
    if (said->code == 530)
        return judge_login(said);
    if (is_one_of(said->verb, passive) || said->code == 425 || said->code == 522)
        return judge_data_connection(said);
    if (strcmp(said->verb, "CWD") == 0)
        return judge_folder(said);
    switch (wish) {
    case FTP_WISH_LIST:
        break;
    case FTP_WISH_LOOK:
    case FTP_WISH_READ:
        return judge_read(said);
    case FTP_WISH_STORE:
        return judge_store(said);
    case FTP_WISH_RENAME:
        return judge_rename(said);
    }
    return judge_list(said);
}

/* Failures that happen below FTP: what the server said before does not explain them. */
static bool is_below_ftp(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return true;
    default:
        return false;
    }
}

/* Whether the connection ended before the newest command was answered: what was said to an earlier one, such
 * as a refused AUTH SSL that another AUTH followed, does not explain that. */
static bool is_reply_lost(const struct ftp_dialogue *dialogue, CURLcode code)
{
    bool is_lost = code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
                   code == CURLE_GOT_NOTHING || code == CURLE_OPERATION_TIMEDOUT;
    return is_lost && dialogue->count > 1 && dialogue->exchanges[dialogue->count - 1].code == 0;
}

/* libcurl gives up the control connection when sending fails, and with it the server's reason. */
static bool fail_in_upload(struct handle *handle, const char *what, struct error *err)
{
    connection_error(handle->connection, err, ERROR_BROKEN,
                     "'%s': the server broke the upload off (%s), as when its disk is full: "
                     "check its disk and the network; the source was left as it was",
                     what, handle->detail[0] ? handle->detail : "connection lost");
    return error_advise(err, RETRY_FEW);
}

bool ftp_fail(struct handle *handle, CURLcode code, enum ftp_wish wish, const char *what,
              struct error *err)
{
    const struct ftp_exchange *said = dialogue_last(handle->dialogue);
    const struct ftp_exchange *store = dialogue_find(handle->dialogue, "STOR", 0);
    if (code == CURLE_SEND_ERROR && store && store->code > 0 && store->code < 200)
        return fail_in_upload(handle, what, err);
    if (is_below_ftp(code) || is_reply_lost(handle->dialogue, code) || !said || (said->code < 400 && said->code != 332))
        return handle_fail(handle, code, err);
    struct verdict verdict = judge(said, wish);
    connection_error(handle->connection, err, verdict.kind, "%s%s%s%s (%d %s): %s", what ? "'" : "",
                     what ? what : "", what ? "': " : "", verdict.what, said->code, said->text,
                     verdict.remedy);
    if (said->code == 421 || (verdict.kind == ERROR_UNAVAILABLE && is_login(said)))
        handle_note(handle, CIRCUIT_FAILED, verdict.what);
    if (err)
        err->peer_code = said->code;
    return error_advise(err, verdict.retry);
}
