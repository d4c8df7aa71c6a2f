/* SPDX-License-Identifier: MIT */
/*
 * What went wrong: a kind that a caller can act on, and a sentence that a person can act on.
 * An error is plain memory: no allocation, nothing to free, safe to copy. A function that can
 * fail returns bool and takes `struct error *err` last; err may be NULL where nobody asks.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum error_kind {
    ERROR_NONE = 0,
    ERROR_INVALID,     /* the input is wrong: configuration, argument, message */
    ERROR_NOT_FOUND,   /* the named thing does not exist */
    ERROR_EXISTS,      /* the name is taken by something else; nothing was overwritten */
    ERROR_DENIED,      /* not granted: manifest, login, permission at the peer */
    ERROR_LIMIT,       /* a named limit was reached */
    ERROR_UNAVAILABLE, /* the peer cannot be reached or asks to come back later */
    ERROR_REFUSED,     /* the peer understood and said no */
    ERROR_BROKEN,      /* a transfer ended short, or size or digest differ */
    ERROR_UNKNOWN,     /* the effect may or may not have happened; only a look can tell */
    ERROR_TIMEOUT,     /* a deadline passed */
    ERROR_CANCELLED,   /* somebody asked to stop */
    ERROR_UNSUPPORTED, /* understood, but not something this build or peer can do */
    ERROR_FILTER,      /* a customisation failed: it trapped, said no or gave what cannot be used */
    ERROR_INTERNAL,    /* a system call or library failed; the sentence names it */
};

/* Whether the very same may go well when it is asked again although nobody did anything meanwhile. Said
 * by who knows code and command, and never where asking again could do something twice. */
enum error_retry {
    RETRY_NEVER = 0, /* somebody has to change something first */
    RETRY_ONCE,      /* known to be said by chance now and then */
    RETRY_FEW,       /* a moment's trouble or a mistake of the configuration: believed after a few times */
    RETRY_LATER,     /* the peer is away or busy, or bytes were lost on the way */
};

#define ERROR_MESSAGE_SIZE 768

struct error {
    enum error_kind kind;
    int peer_code;                    /* FTP reply, HTTP status or SMTP reply; 0 where none */
    enum error_retry retry;
    bool is_out_of_memory;            /* set by error_out_of_memory: nothing is wrong with what was asked */
    uint32_t retry_after_ms;          /* how long the peer asks to wait; 0: it does not say */
    char message[ERROR_MESSAGE_SIZE]; /* one sentence, no final full stop, no secret; never cut inside UTF-8 */
};

#ifdef __GNUC__
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define MUST_USE
#define PRINTF_LIKE(format_index, first)
#endif

/* Fills err (when not NULL) and returns false, so that a failure is one line. peer_code and
 * retry_after_ms become 0, retry RETRY_NEVER, is_out_of_memory false. */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* This process had no memory: ERROR_LIMIT, which passes, while other limits stay. Returns false. */
bool error_out_of_memory(struct error *err);

/* The same, with ": <strerror(number)>" added. */
bool error_errno(struct error *err, enum error_kind kind, int number, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Puts "<text>: " before the message; the rest stays. Returns false. */
bool error_context(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Sets retry (err may be NULL) and returns false. */
bool error_advise(struct error *err, enum error_retry retry);

/* "invalid", "not_found", ... : the word used in JSON and in the store. Never NULL. */
const char *error_kind_name(enum error_kind kind);

/* The kind of that name, or ERROR_INTERNAL for a word that is none. */
enum error_kind error_kind_parse(const char *name);
#endif
