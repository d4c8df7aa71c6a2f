/* SPDX-License-Identifier: MIT */
/*
 * The world outside the host, as one seed made it: time, chance, files at the source and the target,
 * mail, CCS, and who has seen what. It lives in memory that the parent shares with the processes
 * ("lifetimes") in which the host runs, so it outlives every kill. One process and one thread of it
 * runs at a time (schedule.h), so nothing here is locked.
 */
#ifndef SIMULATION_WORLD_H
#define SIMULATION_WORLD_H
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "mishap.h"
#include "workspace/connection.h"

#define WORLD_BYTES_SIZE (96u << 20) /* bodies of files, all versions and attempts of a seed */
#define NAME_SIZE 264                /* a file's name, FTP's longest and some */
#define FILES_MAX 128
#define EXTRACTS_MAX 96
#define UPLOADS_MAX 96
#define PARTS_MAX 24
#define MAILS_MAX 192
#define ACKS_MAX 64
#define HOSTS_MAX 2
#define VIOLATION_SIZE 1024

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

enum place_id {
    PLACE_CCS_FTP,
    PLACE_CCS_BUCKET,
    PLACE_DACS_FTP,
    PLACE_DACS_BUCKET,
    PLACE_SPARE, /* from here on a spare server of each, to which a connection may point meanwhile */
    PLACE_COUNT = 2 * PLACE_SPARE
};

enum owner {
    OWNER_PRODUCER, /* what CCS writes */
    OWNER_HOST,     /* what the host under test writes: temporary names, delivered files */
    OWNER_FOREIGN,  /* somebody else's: never to be touched */
};

struct body {
    uint32_t at, size, capacity; /* in world->bytes */
};

struct file {
    bool exists;
    enum owner owner;
    int extract; /* index of the producer's version that it is, or -1 */
    char name[NAME_SIZE];
    struct body body;
    int64_t modified_s;
    uint64_t etag;
    unsigned char md5[16]; /* of the whole, or of the parts' */
    unsigned parts;        /* 0: not an upload in parts */
    bool is_awaited;       /* a source that was delivered, and that the host has looked at since */
};

struct place {
    bool is_bucket;
    struct file files[FILES_MAX];
    char awaited[NAME_SIZE]; /* FTP: a name that the host was told is free, until it renames */
};

/* One content that the producer finished, or is still writing, under a name: a version of a file. */
struct extract {
    enum place_id place;
    char name[NAME_SIZE];
    struct body body; /* whole, from the beginning on */
    bool is_whole;    /* the producer is done with it */
    bool is_gone;     /* replaced or removed by others before it was delivered */
    bool is_refused;  /* has a name that the host must not touch */
    unsigned delivered, marked;
    char instance[32]; /* that delivered it */
    uint32_t visible;  /* bytes at the source by now */
    int64_t grows_at_ns, growth_ns;
};

struct upload { /* in parts, at a bucket */
    bool is_open;
    bool is_known; /* the host has shown that it knows its id */
    enum place_id place;
    uint64_t id;
    char name[NAME_SIZE];
    struct {
        bool exists;
        struct body body;
        uint64_t etag;
        unsigned char md5[16];
    } parts[PARTS_MAX];
};

struct late_write { /* what a server still gets of an upload whose control connection is gone */
    enum place_id place;
    char name[NAME_SIZE];
    struct body rest;
    int64_t due_ns; /* 0: none */
};

struct late_rename { /* what a server still does, although the connection of who asked for it is lost */
    enum place_id place;
    char from[NAME_SIZE], to[NAME_SIZE]; /* from "": none */
    struct body body;                    /* of the file that was meant */
    bool was_looked_at;                  /* the host has looked since */
    /* of an object */
    uint64_t etag;
    char instance[40]; /* that asked for it */
};

#define RECIPIENTS_MAX 16

struct mail_seen {
    char message_id[160], instance[32], subject[200];
    uint64_t digest; /* of what a reader sees: subject and body */
    char recipients[400]; /* who has it: "<address><address>" */
    struct receipt {
        bool is_unsure;    /* the host did not hear of the last copy */
        uint64_t troubles; /* so many of its own the host had had then, which make it forget what it heard */
    } receipts[RECIPIENTS_MAX]; /* of each of these */
};

struct ack_seen {
    char id[64];
    unsigned taken, answered_ok; /* by CCS; DACS was told 200 */
    unsigned open, allowed;      /* DACS waits for so many answers; CCS may have it so often by them */
};

/* How one FTP server behaves in this seed. */
struct flavour {
    bool is_sftp, has_mlsd, has_epsv, rejects_feat, says_250;
    int disk_full_code;
    bool is_full;
    enum tls_mode tls;
};

/* What a seed draws before it begins; plan.h fills it. */
struct plan {
    uint64_t seed;
    bool source_is_bucket, target_is_bucket;
    unsigned file_count, lifetimes;
    bool has_relative_folders;
    unsigned mishap_permille; /* of an exchange with a peer */
    unsigned disk_permille;   /* of a write or sync of the store */
    unsigned event_permille;  /* of an exchange: others act */
    unsigned kill_percent, cut_percent, two_hosts_percent, ack_percent;
    uint32_t later; /* kinds of mishaps; see seed.h */
    bool enabled[MISHAP_COUNT];
    struct flavour ftp[PLACE_COUNT];
    enum conflict_policy source_policy, target_policy;
    enum tls_mode mail_tls;
    uint32_t settle_ms;
    uint32_t part_size, threshold;
    bool has_large_file; /* one that is read by a thread of its own */
    const char *prefix;  /* of the names that are to be transferred */
};

enum lifetime_kind {
    LIFETIME_TRANSFER, /* one run of a transfer flow, as `sluice run` does it */
    LIFETIME_ACK,      /* acknowledgements from DACS, as `sluice serve` runs them */
    LIFETIME_NOTICE,   /* the error handler, called over REST */
    LIFETIME_REPLAY,   /* runs finished instances again from their journal */
    LIFETIME_SERVER,   /* goes on with what the other host leaves, for as long as that one lives */
};

/* A process in which the host runs. */
struct host {
    pid_t pid;
    enum lifetime_kind kind;
    bool runs_buckets; /* which of the transfer flows */
    unsigned more_runs; /* of it, one after the other */
    int64_t effects, kill_at;
    bool kill_after, cuts_power;
    bool is_alive, is_dying;
    bool is_stopped; /* asked to stop: what it runs ends soon, and goes on later */
    int64_t idle_until_ns; /* its threads all wait until then; 0: it can go on */
    /* How it ended. */
    bool has_ended, ok;
    int exit_status;
    char error[ERROR_MESSAGE_SIZE];
};

struct world {
    sem_t parent, turns[HOSTS_MAX]; /* stay from seed to seed, as is_tracing */
    bool is_tracing;

    struct plan plan;
    bool is_source_away, is_target_away; /* the connections point to the spare servers */
    bool was_target_away;
    bool is_calm;      /* no mishaps any more */
    bool is_replaying; /* peers must not be asked anything */

    int64_t now_ns, skew_ns; /* monotonic; the host's wall clock is off by skew */
    int64_t away_until_ns;   /* the local disk is full until then */
    uint64_t chance, later_chance;
    uint64_t digest; /* of all that happened: the same for the same seed */

    struct host hosts[HOSTS_MAX];
    unsigned host_count;
    int running; /* index of the host whose turn it is */

    struct place places[PLACE_COUNT];
    struct extract extracts[EXTRACTS_MAX];
    unsigned extract_count, growing_count;
    struct upload uploads[UPLOADS_MAX];
    uint64_t next_id; /* etags, uploads */
    struct late_write late;
    struct late_rename late_rename, late_object;
    struct mail_seen mails[MAILS_MAX];
    unsigned mail_count;
    struct ack_seen acks[ACKS_MAX];
    unsigned ack_count;

    uint64_t mishaps[MISHAP_COUNT], steps, effects, checks, lifetimes, deliveries, marks;
    char violation[VIOLATION_SIZE];

    uint32_t bytes_used;
    unsigned char bytes[WORLD_BYTES_SIZE];
};

extern struct world *world;

/* Maps the shared memory once; world_begin makes it a new world. */
bool world_map(void);
void world_begin(uint64_t seed);

/* ---- chance: one stream, drawn by whoever runs ---- */
uint64_t draw_bits(void);
uint64_t draw_below(uint64_t limit);                  /* 0..limit-1; limit > 0 */
uint64_t draw_between(uint64_t least, uint64_t most); /* both possible */
bool draw_chance(unsigned permille);
bool draw_later_chance(unsigned permille); /* apart from all other draws; see mishap.h */

/* ---- time ---- */
#define WORLD_EPOCH_S INT64_C(1790000000) /* the wall clock when a world begins, somewhere in 2026 */
int64_t world_wall_ns(void); /* true time, without the host's skew */
int64_t world_wall_s(void);
/* Time passes, and what others do by the clock happens. */
void world_pass(int64_t duration_ns);

/* ---- what happened ---- */
/* A line of the trace; always part of the digest. */
void trace(const char *format, ...) PRINTF_LIKE(1, 2);
/* The first one counts. The lifetime goes on; the parent looks after it. */
void violation(const char *format, ...) PRINTF_LIKE(1, 2);
/* An invariant that was looked at. */
void check_that(bool holds, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- bodies ---- */
struct body body_new(uint32_t capacity);
void body_append(struct body *body, const void *bytes, uint32_t size);
const unsigned char *body_bytes(const struct body *body);
bool body_is_same(const struct body *a, const struct body *b);

/* ---- files ---- */
const char *place_name(enum place_id place);
struct file *file_find(enum place_id place, const char *name); /* NULL: there is none */
struct file *file_new(enum place_id place, const char *name, enum owner owner);
void file_digest(struct file *file); /* md5 and a new etag, after its body has changed */
bool name_is_temporary(const char *name); /* the host's own */
/* The host is gone: nothing that it looked at waits for what it does next. */
void place_is_awaited_no_more(enum place_id place);
#endif
