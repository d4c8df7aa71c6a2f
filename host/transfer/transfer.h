/* SPDX-License-Identifier: MIT */
/*
 * Everything that talks to a peer, on libcurl. One `struct transfer` per process: it pools idle
 * handles per connection so that logins and TLS sessions are reused by whichever thread comes
 * next. Thread-safe; every call blocks its thread until done, its deadline, or should_stop.
 */
#ifndef TRANSFER_TRANSFER_H
#define TRANSFER_TRANSFER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "sluice/abi.h"
#include "workspace/connection.h"

struct transfer;
struct remote_file;
struct remote_stream;

/* NULL only when libcurl cannot start or memory is out. */
struct transfer *transfer_new(void);
void transfer_free(struct transfer *transfer); /* NULL is fine; no call may be running */

#define REMOTE_NAME_SIZE_MAX 1024

/*
 * A step of a store or rename whose caller keeps a journal: announced before it is taken, so that a later
 * call can tell what became of it. What the bytes are under until they are published tells most of it:
 * only we use that name (or upload), so once it is gone, publishing has happened.
 */
enum transfer_step_kind {
    STEP_SENDING,    /* bytes go to `temporary`; nothing shows under `name` */
    STEP_PUBLISHING, /* `temporary`, whole, becomes `name`; of a rename: the old name becomes the new one */
};
struct transfer_step {
    enum transfer_step_kind kind;
    char temporary[REMOTE_NAME_SIZE_MAX + 1]; /* temporary name, old name, or id of an upload in parts */
    char name[REMOTE_NAME_SIZE_MAX + 1];      /* that it becomes, maybe again a temporary one */
    bool is_object; /* `temporary` is an object of that name */
    uint64_t size;
    char version[64]; /* Object Storage: of what is stored the digest that the service tells, of a rename the
                         etag of what is renamed; FTP, SFTP: a word of stage.h; "" else */
};

struct remote_file;

/* Who asks, how long they wait, and who watches. All members may be zero. */
struct transfer_call {
    /* Of an operation that is journaled; NULL: it is not. True: the step is on the disk. */
    bool (*announce)(void *context, const struct transfer_step *step, struct error *err);
    /* The newest step of an earlier call for the very same operation, of which no result is known; NULL:
     * none. ERROR_UNKNOWN: what became of it cannot be told now; nothing was done. */
    const struct transfer_step *doubt;
    bool *is_settled; /* set when doubt has been settled: what fails then fails for good. NULL is fine */
    /* Of a rename: what the file was when it was opened; NULL: whatever has the name. Another one under
     * its name (other size, time or etag) is ERROR_BROKEN. Servers with folders have no rename that asks
     * for that by itself: there one that takes the name after the last look is renamed all the same. */
    const struct remote_file *expected;
    /* What an attempt sent and could not remove again: nobody else will, so remote_discard should be
     * tried later. NULL: it stays. */
    void (*leave)(void *context, const struct transfer_step *step);
    int64_t deadline_ms; /* clock_monotonic_ms() value; 0: only the connection's timeouts */
    bool (*should_stop)(void *context);
    void (*progress)(void *context, uint64_t done, uint64_t total); /* bytes; total 0: unknown */
    void *context;
    /* Begins to pass input through what file->filters names. Gives the stream of what comes out, which the
     * caller closes, or NULL with err. NULL itself: files with filters cannot be read by this call. */
    struct remote_stream *(*filter)(void *context, const struct remote_file *file,
                                    struct remote_stream *input, struct error *err);
    uint64_t file_size_max;   /* larger files are ERROR_LIMIT before a byte moves, or, where nobody
                                 knows their size, as soon as they are seen; 0: no limit */
    const char *instance;     /* id for temporary names and opc-client-request-id; may be NULL */
    const char *traceparent, *tracestate; /* values of these header fields of http_call; NULL: not sent */
};

/* ---- content servers: FTP, SFTP, Object Storage under one set of rules ------------------------ */

struct remote_entry {
    char *name; /* one path component; bytes as the server sent them */
    struct sluice_file_info info;
};

#define LISTING_ENTRIES_MAX 100000u
#define LISTING_ENTRIES_KEPT (LISTING_ENTRIES_MAX + 1) /* the last one only tells that there are more */
#define LISTING_SHOWN_SIZE 81

struct remote_listing {
    struct remote_entry *entries; /* ordered by name (bytes) */
    size_t count; /* LISTING_ENTRIES_KEPT: there are more than LISTING_ENTRIES_MAX, these are the first */
    size_t understood; /* what the server listed and could be understood: folders and other names, too */
    size_t unparsed;   /* what could not */
    char strange[LISTING_SHOWN_SIZE]; /* the beginning of the first that could not, in ASCII; else "" */
    bool is_unproven; /* the server said that it had none to give (FTP 450): no proof of what is not there */
};
void remote_listing_release(struct remote_listing *listing);
/* The entry of that name in a listing that remote_list gave; NULL: there is none. */
const struct remote_entry *remote_listing_find(const struct remote_listing *listing, const char *name);

enum stream_outcome { STREAM_BYTES, STREAM_END, STREAM_WAIT, STREAM_FAILED };

/* Bytes that arrive from outside while they are read, once: the file of a message that is still being
 * received. Owned by who made it, and read by one thread. */
struct remote_stream {
    /* STREAM_BYTES and *got in 1..size; STREAM_END: it was whole, and stays so; STREAM_WAIT: nothing
     * came within wait_ms; STREAM_FAILED: err says why (ERROR_BROKEN when it was cut). */
    enum stream_outcome (*read)(void *context, char *buffer, size_t size, int wait_ms, size_t *got,
                                struct error *err);
    void *context;
    bool is_taken; /* somebody began to read it */
    void (*close)(struct remote_stream *stream); /* by whoever reads it; NULL: it is its maker's */
};

/* A reference to a file's bytes; nothing is open. Copies of the pointers are owned by it. */
struct remote_file {
    const struct connection *connection; /* NULL: a local file, or a stream */
    char *place; /* that connection meant when it was opened (connection_place), be it by an earlier process;
                    NULL: not known */
    struct remote_stream *stream; /* borrowed; NULL: the file can be read again */
    char *folder; /* directory, or "<namespace>/<bucket>" */
    char *name;   /* or the path of the local file */
    char *etag;   /* Object Storage: the version that was looked at; else NULL */
    char *digest; /* base64 MD5 if the server told it; else NULL */
    char *filters; /* what its bytes pass through when they are read (filter_stream.h); NULL: nothing */
    struct sluice_file_info info; /* of the file itself, before any filter */
};
void remote_file_release(struct remote_file *file);
/* All of it, with texts of its own; out of memory: false, and *out is zero. */
MUST_USE bool remote_file_copy(const struct remote_file *file, struct remote_file *out);
/* False: it was opened by an earlier process, and its connection points to another place by now, where another
 * file has its name (ERROR_BROKEN). remote_read fails alike. */
MUST_USE bool remote_is_where_it_was(const struct remote_file *file, struct error *err);

struct remote_receipt {
    char name[REMOTE_NAME_SIZE_MAX + 1]; /* the name it is published under */
    uint64_t size;
    char digest[32]; /* base64 MD5 where both ends could tell it; "" else */
    char etag[64];   /* Object Storage */
};

/*
 * Plain files in folder whose names begin with prefix. A folder that does not exist is
 * ERROR_NOT_FOUND, never an empty listing. With settle_ms two looks are compared and growing
 * files flagged. Names that could not be used safely are flagged SLUICE_FILE_UNSAFE, files over
 * file_size_max SLUICE_FILE_TOO_LARGE. A listing that arrives cut is ERROR_BROKEN; one that lists
 * something, none of which can be understood, ERROR_UNSUPPORTED. Of more than LISTING_ENTRIES_MAX files
 * those whose names come first are given, and one more.
 */
MUST_USE bool remote_list(struct transfer *transfer, const struct connection *connection,
                          const char *folder, const char *prefix, const struct transfer_call *call,
                          struct remote_listing *out, struct error *err);

/* Looks at one file; ERROR_NOT_FOUND if there is none. */
MUST_USE bool remote_open(struct transfer *transfer, const struct connection *connection,
                          const char *folder, const char *name, const struct transfer_call *call,
                          struct remote_file *out, struct error *err);

/* A file of this machine as a source (multipart attachments, the CLI's --attach). */
MUST_USE bool remote_open_local(const char *path, struct remote_file *out, struct error *err);

#define REMOTE_SIZE_UNKNOWN UINT64_MAX

/* A stream as a source; name is what errors call it. size is what it must come to, or
 * REMOTE_SIZE_UNKNOWN. It can be stored once: the second time is ERROR_INVALID. */
MUST_USE bool remote_open_stream(struct remote_stream *stream, const char *name, uint64_t size,
                                 struct remote_file *out, struct error *err);
/* How many bytes reading it gives, or REMOTE_SIZE_UNKNOWN. */
uint64_t remote_file_size(const struct remote_file *file);

/*
 * Carries source to folder/name in constant memory. FTP and SFTP: temporary name of this attempt,
 * size checked against bytes sent and source, existing name checked, renamed into place. Object
 * Storage: if-none-match, multipart above the threshold, MD5 of the bytes against the server's.
 * ERROR_EXISTS by the connection's on_conflict; ERROR_BROKEN if not whole; ERROR_LIMIT;
 * ERROR_UNKNOWN when the final rename failed and a look could not settle what it has done, or will do.
 * On any failure the temporary file is removed if it can be, and nothing is published. Object
 * Storage: a name that is taken by the very same bytes (size and MD5) is success, nothing written.
 * A source of unknown size goes to its end: Object Storage, which wants to know sizes before, gets it
 * in parts of a buffer (object_store.h). A name that is taken is found before a stream is read.
 */
MUST_USE bool remote_store(struct transfer *transfer, const struct connection *connection,
                           const char *folder, const char *name, const struct remote_file *source,
                           const struct transfer_call *call, struct remote_receipt *receipt,
                           struct error *err);

/* Renames within folder; receipt->name is the name it has now. */
MUST_USE bool remote_rename(struct transfer *transfer, const struct connection *connection,
                            const char *folder, const char *from, const char *to,
                            const struct transfer_call *call, struct remote_receipt *receipt,
                            struct error *err);

/* Removes what step.temporary names: an attempt's temporary file or object, or upload in parts, in folder.
 * True: it is gone, or was gone before. What has been published since is left alone. ERROR_REFUSED: of a server
 * that can be asked about others. */
MUST_USE bool remote_discard(struct transfer *transfer, const struct connection *connection,
                             const char *folder, const struct transfer_step *step,
                             const struct transfer_call *call, struct error *err);

/* ---- HTTP: small requests --------------------------------------------------------------------- */

#define HTTP_RESPONSE_SIZE_MAX (8u << 20)

struct http_field {
    const char *name, *value; /* without control bytes */
};

struct http_request {
    const char *method, *path; /* path begins with '/', is put behind the connection's url as it is */
    const char *content_type;  /* NULL or "": no body */
    const void *body;
    size_t body_size;
    const struct remote_file *attachment; /* makes it multipart/mixed: JSON part, then this file */
    const char *attachment_name;
    const struct http_field *fields; /* further header fields */
    size_t field_count;
};

struct http_response {
    int status;
    struct buf headers; /* "name: value\n" lines, names in lower case */
    struct buf body;
};
void http_response_release(struct http_response *response);

/* Copies the value of a header (name in lower case) into value; false if absent or too long. */
bool http_response_header(const struct http_response *response, const char *name, char *value,
                          size_t value_size);

/* What may be sent again without changing more than the first time (RFC 9110, 9.2.2). */
bool http_is_repeatable(const char *method);

/* Whether a request of that method is worth sending again after that answer: 429 and 503 say that it was
 * not carried out; after other signs of trouble only what is repeatable. *after_ms: what Retry-After asks
 * for, at most five minutes; 0: nothing. */
enum error_retry http_answer_retry(const char *method, const struct http_response *response,
                                   uint32_t *after_ms);

/* Any answer with a status is success here; errors are transport, TLS, login token, limits. Redirects
 * are not followed. Authentication and signature come from the connection. ERROR_UNKNOWN: a request
 * other than GET and HEAD was sent, and its answer is lost or cannot be taken (no HTTP, too long); it is
 * never sent twice by itself. */
MUST_USE bool http_call(struct transfer *transfer, const struct connection *connection,
                        const struct http_request *request, const struct transfer_call *call,
                        struct http_response *response, struct error *err);

/* ---- mail ------------------------------------------------------------------------------------- */

struct mail {
    const char *message_id; /* without <>; constant for one notice however often it is sent */
    const char *from, *to;  /* to: comma separated */
    const char *envelope_to; /* whom it is handed to this time; NULL or "": all of to */
    const char *subject, *body; /* UTF-8; encoded as MIME where needed */
    const char *instance;   /* becomes X-Sluice-Instance; may be NULL */
    int64_t written_ms;     /* its Date; 0: now */
};

/* Recipients that the server refused; NULL: none. */
struct mail_refusals {
    char *refused;  /* "address: 550 the server's words\n" of each that it refused for good */
    char *delayed;  /* the same of each that it refused for now (4xx, 552) */
    char *deferred; /* the addresses of those, comma separated */
};
void mail_refusals_release(struct mail_refusals *refusals);

/* Whether it could be sent as it is; asks nobody. ERROR_INVALID: an address is malformed (control bytes,
 * no @); ERROR_LIMIT: subject, body or list too long. */
MUST_USE bool mail_check(const struct connection *connection, const struct mail *mail,
                         struct error *err);

/*
 * A recipient that the server refuses does not keep the others from getting the mail. True: it was taken
 * for all that refusals, the caller's to release, does not name. False: for none; refusals then names every
 * one of them or nobody, and where nobody nothing was decided about any. Errors of mail_check; ERROR_REFUSED
 * with a peer_code of 5xx: it will never take this mail; ERROR_DENIED: it takes none from us (login, address);
 * ERROR_UNKNOWN: it was sent and the confirmation lost (or there was no memory for who was refused; or a stop
 * came before it; the call's deadline does not count any more by then, and how long replies are waited for is
 * in smtp_dialogue.h), so it may be sent again under the same id. retry is set; what it forbids is said again
 * until somebody acts.
 */
MUST_USE bool mail_send(struct transfer *transfer, const struct connection *connection,
                        const struct mail *mail, const struct transfer_call *call,
                        struct mail_refusals *refusals, struct error *err);

/* ---- connection test -------------------------------------------------------------------------- */

enum connection_step { STEP_CONFIGURATION, STEP_NAME, STEP_CONNECT, STEP_TLS, STEP_LOGIN, STEP_PERMISSION };
const char *connection_step_name(enum connection_step step); /* "name resolution", ... */

struct connection_report {
    enum connection_step reached; /* the last step that went well */
    enum connection_step failed;  /* valid when the test failed */
    int64_t duration_ms;
    char banner[256]; /* what the peer calls itself; "" if it does not */
};

/* Tries the connection step by step; folder (may be NULL) is listed to test permission. False: err
 * says in one sentence what to do, naming the connection. */
MUST_USE bool connection_test(struct transfer *transfer, const struct connection *connection,
                              const char *folder, struct connection_report *report,
                              struct error *err);
#endif
