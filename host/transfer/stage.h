/* SPDX-License-Identifier: MIT */
/*
 * Storing and renaming on servers that have folders and a rename (FTP, SFTP): temporary name, size
 * looked at on the server, final name looked at, renamed, and a lost answer settled by looking at
 * both names. The protocols fill in the table; the order of steps exists only here.
 */
#ifndef TRANSFER_STAGE_H
#define TRANSFER_STAGE_H
#include "transfer/content_server.h"

#define STAGE_CLEANUP_TIMEOUT_MS 10000 /* for removing our own temporary file after a failure */

struct stage_look {
    bool exists;
    uint64_t size;
    int64_t modified_s; /* 0: not told */
};

/* How far an upload had come. */
enum stage_upload {
    UPLOAD_NOT_BEGUN, /* the server holds nothing of it */
    UPLOAD_ENDED,     /* the server has said how it ended */
    UPLOAD_LOST,      /* its last word never came: all bytes may have arrived */
};

/* How far a rename that failed had come. */
enum stage_rename {
    RENAME_NOT_ASKED, /* the server was not asked, or would not begin: nothing happens because of it */
    RENAME_REFUSED,   /* the server says that it failed, which may be untrue */
    RENAME_LOST,      /* the answer never came: it has happened, or not, or will */
};

struct stage {
    /* A handle that is ready to log in. NULL: as pool_acquire, or the login cannot be read. */
    struct handle *(*acquire)(struct transfer *transfer, const struct connection *connection,
                              const struct transfer_call *call, struct error *err);

    /* Looks at one or two names of a folder; names[1] may be NULL. Times need only be told with_time,
     * and of names[0]. */
    bool (*look)(struct handle *handle, const char *folder, const char *const names[2],
                 bool with_time, struct stage_look looks[2], struct error *err);

    /* The folder's plain files whose names begin with prefix. */
    bool (*list)(struct handle *handle, const char *folder, const char *prefix,
                 struct remote_listing *out, struct error *err);

    /* Makes the handle's next perform an upload to folder/temporary; name is the final one. */
    bool (*prepare)(struct handle *handle, const char *folder, const char *temporary,
                    const char *name, struct error *err);

    /* After that perform with code: failures as err; else looks at temporary [0] and name [1].
     * *end: what the server may hold of the temporary file (also when it fails). */
    bool (*conclude)(struct handle *handle, const char *folder, const char *const names[2],
                     CURLcode code, struct stage_look looks[2], enum stage_upload *end,
                     struct error *err);

    /* Renames, not interrupted by should_stop, also onto a file that is there, but for keeps_existing.
     * *end: of one that failed. */
    bool (*rename)(struct handle *handle, const char *folder, const char *from, const char *to,
                   enum stage_rename *end, struct error *err);
    bool keeps_existing; /* the server's rename does: what is to be overwritten must be removed before */

    /* DONE and NEEDLESS: the name is gone for certain. REFUSED: it is there, or was not asked for. */
    enum removal (*remove)(struct handle *handle, const char *folder, const char *name);
    bool tells_needless; /* remove does; else DONE may be either */
};

/* The store and rename of struct content_server. */
MUST_USE bool stage_store(const struct stage *stage, struct transfer *transfer,
                          const struct connection *connection, const char *folder, const char *name,
                          const struct remote_file *file, const struct transfer_call *call,
                          struct remote_receipt *receipt, struct error *err);
MUST_USE bool stage_rename(const struct stage *stage, struct transfer *transfer,
                           const struct connection *connection, const char *folder,
                           const char *from, const char *to, const struct transfer_call *call,
                           struct remote_receipt *receipt, struct error *err);

/* The discard of struct content_server. */
MUST_USE bool stage_discard(const struct stage *stage, struct transfer *transfer,
                            const struct connection *connection, const char *folder,
                            const struct transfer_step *step, const struct transfer_call *call,
                            struct error *err);

/* Whether what was looked at is the file that the handle's call expects. */
enum stage_match {
    MATCH_NOT_ASKED, /* it expects none */
    MATCH_SAME,      /* as far as size, and time where both are known, tell */
    MATCH_OTHER,
};
enum stage_match stage_match(const struct handle *handle, const struct stage_look *look);

/* ---- stage_step.c: what is announced, and what is removed ---- */

/* What a step's version notes on FTP and SFTP. */
#define STAGE_COPIED "copied?"  /* both names were there at once: one of them may be taken since */
#define STAGE_CLEARED "cleared" /* what was to be overwritten is removed while an earlier rename may come */
#define STAGE_ASKED "asked"     /* of a removal: the rename had been asked for */

/* version: one of those, or "". Texts are cut to what a step has room for. */
struct transfer_step stage_step(enum transfer_step_kind kind, const char *temporary, const char *name,
                                uint64_t size, const char *version);
/* Whether step was, or had been, to rename its temporary file. */
bool stage_was_asked(const struct transfer_step *step);

/* Announces a step of handle's call, if its caller keeps a journal. */
MUST_USE bool stage_announce_step(const struct handle *handle, const struct transfer_step *step,
                                  struct error *err);
MUST_USE bool stage_announce(const struct handle *handle, enum transfer_step_kind kind,
                             const char *temporary, const char *name, uint64_t size,
                             struct error *err);

/* What a removal whose commands ended with code, other than CURLE_OK, came to. */
enum removal stage_removal(CURLcode code);

/* Removes step's temporary file (best effort: *removal). What is on the disk first becomes a step that published
 * nothing: a temporary file that is gone would else be taken for one that was renamed. If step was to rename it,
 * that stays noted until it is removed; NEEDLESS then tells that it was renamed, as does the new name where the
 * server does not tell, unless it may be overwritten (FAILED: it could not be looked at). False: a step could not
 * be announced. */
MUST_USE bool stage_drop(const struct stage *stage, struct handle *handle, const char *folder,
                         const struct transfer_step *step, enum removal *removal, struct error *err);
/* Step was to rename what could not be removed, and may yet. Refused at the first removal: it is still there, so
 * that it was renamed if it is gone later, which is announced. Else what is gone later was removed, unless the new
 * name tells. False: ERROR_UNKNOWN, or the step could not be announced. */
bool stage_stays_in_doubt(const struct handle *handle, const struct transfer_step *step, enum removal removal,
                          struct error *err);
/* Tells the call what could not be removed: a later run tries again. */
void stage_leave(const struct transfer_call *call, const char *temporary, const char *name);

/* ---- stage_doubt.c: what became of a step, as far as looking tells ---- */

/* As stage->look, where much hangs on a file not being there: servers say the same of one that they
 * cannot look at now. So that is only concluded from a listing without the name. ERROR_UNAVAILABLE: it is
 * listed; ERROR_UNSUPPORTED: the listing is not understood whole. */
MUST_USE bool stage_look_surely(const struct stage *stage, struct handle *handle, const char *folder,
                                const char *const names[2], bool with_time,
                                struct stage_look looks[2], struct error *err);

/* Whether `to`, where from is still there, may be a copy of it, by a server that renames so and is at it, or was
 * cut off before it removed the old name: it was free when the rename was announced, and is not larger. */
bool stage_may_be_copied(const struct connection *connection, const char *from, uint64_t size,
                         const struct stage_look *to);
/* Notes that as a step, which stays in doubt for as long as from is there. False: ERROR_UNKNOWN says what to do. */
bool stage_say_copied(const struct handle *handle, const char *from, const char *to, uint64_t size,
                      struct error *err);

/* Both names are gone behind STAGE_CLEARED. False: ERROR_UNKNOWN. */
bool stage_say_gone(const struct connection *connection, const char *from, const char *to, struct error *err);

/* err, which is why, becomes ERROR_UNKNOWN of doubt. False. */
bool stage_say_unknown(const struct connection *connection, const struct transfer_step *doubt, struct error *err);

enum stage_finding {
    FOUND_NOTHING, /* it has had no effect, or none that is left */
    FOUND_WHOLE,   /* the temporary file is whole and not published */
    FOUND_DONE,    /* published under doubt->name, whether it is still there or not */
};

/* Of a store; removes what is left of one that did not come to its end. Also when there is no doubt:
 * FOUND_NOTHING. ERROR_UNKNOWN: the look failed. */
MUST_USE bool stage_doubt_store(const struct stage *stage, struct handle *handle,
                                const char *folder, enum stage_finding *finding,
                                struct error *err);
/* Of a rename: FOUND_DONE or FOUND_NOTHING. */
MUST_USE bool stage_doubt_rename(const struct stage *stage, struct handle *handle,
                                 const char *folder, enum stage_finding *finding,
                                 struct error *err);

struct stage_move {
    const char *from, *to;
    uint64_t size;
    bool is_taken;    /* `to` itself exists: a look that was just made */
    bool was_asked;   /* an earlier rename may come yet */
    bool has_cleared; /* and what was under the new name was removed since */
    bool was_refused; /* out: the server was asked and said no, and a look found it not done */
};

/*
 * Renames by the connection's on_conflict; candidates behind `to` are looked at here. *handle may be
 * replaced, or NULL afterwards. out is the name that from has now. ERROR_EXISTS, ERROR_UNKNOWN and those of a
 * rename.
 */
MUST_USE bool stage_publish(const struct stage *stage, struct transfer *transfer,
                            struct handle **handle, const char *folder, struct stage_move *move,
                            char out[static REMOTE_NAME_SIZE_MAX + 1], struct error *err);
#endif
