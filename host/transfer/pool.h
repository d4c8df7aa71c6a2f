/* SPDX-License-Identifier: MIT */
/*
 * libcurl handles, pooled per connection. A handle keeps its connections (login, TLS session)
 * while it waits in the pool; whoever acquires it next finds all options reset and set again from
 * the connection. A handle is used by one thread at a time; the pool itself is thread-safe.
 */
#ifndef TRANSFER_POOL_H
#define TRANSFER_POOL_H
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "transfer/circuit.h"
#include "transfer/transfer.h"

#define POOL_IDLE_MAX 16       /* waiting handles per connection; more are closed on release */
#define POOL_CONNECTIONS_MAX 2 /* connections that one handle keeps */

/* Things that a module keeps as long as the transfer lives. */
enum transfer_slot { SLOT_TOKENS, SLOT_KEYS, SLOT_COUNT };

struct transfer_keepsake {
    void *thing;
    void (*free_thing)(void *thing);
};

/* Circuits are made as connections are first used, and stay. */
struct known_circuit {
    struct circuit *circuit;
    struct known_circuit *next;
};

struct transfer {
    pthread_mutex_t lock; /* guards all below */
    struct handle *idle;  /* newest first */
    struct known_circuit *circuits;
    struct transfer_keepsake slots[SLOT_COUNT];
};

/* The thing in slot; make() builds it the first time. Several threads get the same one. NULL: make
 * returned NULL. The thing guards itself. */
void *transfer_keep(struct transfer *transfer, enum transfer_slot slot, void *(*make)(void),
                    void (*free_thing)(void *thing));

struct handle {
    CURL *easy;
    CURLM *multi;                        /* keeps easy's connections; see handle_run */
    const struct connection *connection; /* borrowed while acquired */
    const struct transfer_call *call; /* borrowed while acquired; NULL: nobody waits or watches */
    const atomic_bool *abandoned;     /* set by a pump: true ends the transfer soon; else NULL */
    struct ftp_dialogue *dialogue;    /* FTP: what was said on it (one block, owned); else NULL */
    CURLcode (*perform)(struct handle *handle); /* what handle_perform runs; NULL: handle_run */
    char detail[CURL_ERROR_SIZE]; /* libcurl's words on the last failure; "" if none */
    char key_problem[128];        /* SFTP: why the host key was refused; "" if it was not */
    struct circuit *circuit;      /* of its connection; the transfer's */
    bool is_probe;                /* of that circuit, which does not know yet what became of it */
    enum circuit_outcome outcome; /* of the newest perform */
    char trouble[CURL_ERROR_SIZE]; /* what that failed with; "" if it did not */
    bool is_stopped, is_late;     /* why the progress callback ended the transfer */
    int64_t looked_ms;            /* when the callback last asked the call */
    bool was_used;                /* an earlier user left connections in it */
    bool keep;                    /* false: close instead of pooling (state is doubtful) */
    struct curl_slist *lists[4];  /* given to libcurl; freed on reset and release */
    char *name;                   /* pool key: the connection's name */
    struct handle *next;
};

/*
 * An idle handle of the connection, or a new one, with these options set: error buffer, NOSIGNAL,
 * connect and stall timeouts, TLS (verification, ca_file, at least 1.2; FTPS at most 1.2), no
 * redirects, no netrc, no proxy from the environment, protocols limited to the type's own, progress
 * callback that obeys call's should_stop and deadline. User, password, URL and everything else are
 * the caller's. call may be NULL and must outlive the handle's use. NULL: ERROR_INTERNAL (no
 * memory), ERROR_CANCELLED or ERROR_TIMEOUT (call is over already), ERROR_UNAVAILABLE (its circuit is
 * open; what goes on without a call, cleaning up and looking, is not kept from trying).
 */
struct handle *pool_acquire(struct transfer *transfer, const struct connection *connection,
                            const struct transfer_call *call, struct error *err);

/* Back into the pool, or closed if !handle->keep. NULL is fine. */
void pool_release(struct transfer *transfer, struct handle *handle);

/* Closes all idle handles. */
void pool_clear(struct transfer *transfer);

/* Options as pool_acquire left them (for the next request on the same handle). */
void handle_reset(struct handle *handle);

/* Sets user and password from the connection; both are refused with control bytes in them
 * (ERROR_INVALID). Errors of secret_read. The secret is wiped from our memory before return. */
MUST_USE bool handle_login(struct handle *handle, struct error *err);

/* Appends to lists[index]; false: no memory. Freed by handle_reset and pool_release. */
MUST_USE bool handle_append(struct handle *handle, size_t index, const char *text,
                            struct error *err);

/* What the newest perform tells of the peer, where more is known than handle_perform sees: an answer may
 * say that it is overloaded. why is shown to people. */
void handle_note(struct handle *handle, enum circuit_outcome outcome, const char *why);

/* The protocol's perform, or handle_run, with the records (detail, ...) cleared before. */
CURLcode handle_perform(struct handle *handle);

/* Whether the newest perform made a connection: no kept one was used, or one that proved dead was replaced. */
bool handle_has_connected(const struct handle *handle);

/* Runs the transfer that is set up on the handle to its end, as curl_easy_perform does, but without
 * its one-second naps: see handle_run.c. */
CURLcode handle_run(struct handle *handle);

/*
 * Converts the outcome of handle_perform into err and returns false (code must not be CURLE_OK):
 * name resolution, connect, TLS, certificates, host keys, timeouts, stall, stop, deadline. Each
 * sentence begins "connection 'NAME': " and ends in the remedy. Login and protocol replies are
 * converted by the protocol's own file before it comes here.
 */
bool handle_fail(struct handle *handle, CURLcode code, struct error *err);

/* false with ERROR_CANCELLED or ERROR_TIMEOUT if call (may be NULL) is over. */
MUST_USE bool call_goes_on(const struct transfer_call *call, struct error *err);

/* Says that what was in doubt has been looked at, and found done or not. call may be NULL. */
void call_settled(const struct transfer_call *call);

/* Sleeps duration_ms in steps that obey the call; false as call_goes_on. */
MUST_USE bool call_sleep(const struct transfer_call *call, int64_t duration_ms, struct error *err);

/* "connection 'NAME': <sentence>" and returns false. */
bool connection_error(const struct connection *connection, struct error *err, enum error_kind kind,
                      const char *format, ...) PRINTF_LIKE(4, 5);
#endif
