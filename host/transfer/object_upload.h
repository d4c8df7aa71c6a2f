/* SPDX-License-Identifier: MIT */
/*
 * What a single PUT and an upload in parts have in common: bodies from a pump, the digest of what
 * was sent, and the look that settles a lost answer. The service wants the size of each body before
 * it: of a source whose size nobody knows, one body at a time is held in memory.
 * For object_store.c, object_held.c, object_parts.c and object_staged.c only.
 */
#ifndef TRANSFER_OBJECT_UPLOAD_H
#define TRANSFER_OBJECT_UPLOAD_H
#include <bearssl.h>

#include "transfer/object_store.h"

struct upload {
    struct transfer *transfer;
    const struct connection *connection;
    const struct transfer_call *call;
    const char *folder, *name;
    const struct remote_file *source;
    struct remote_receipt *receipt; /* etag and digest are written here */
    struct pump *pump;              /* while bytes flow */
    char *held;                     /* the next body of a source of unknown size; NULL: of a known */
    uint64_t held_size;             /* bytes in it */
    bool is_staged;                 /* name is a temporary one, which nobody else touches */
    bool discards;                  /* nothing else is to be done, and the call bounds it */
    bool has_failed;                /* the stream did: err of the stream is in failure */
    struct error failure;
    struct handle *sink;            /* of the request at hand */
    uint64_t left;                  /* bytes that the request at hand still gives */
    br_md5_context md5;             /* of the request at hand */
};

#define MD5_TEXT_SIZE 32 /* base64, or base64 and "-10000" */

/* Starts reading the source, unless it is being read. */
MUST_USE bool upload_open(struct upload *upload, struct error *err);

/* Fills held with up to size bytes of the source; fewer: it has ended well. */
MUST_USE bool upload_hold(struct upload *upload, uint64_t size, struct error *err);

/* The size of the whole; of a source of unknown size, what has been read of it. */
uint64_t upload_size(const struct upload *upload);

/*
 * Performs a prepared PUT whose body is the next size bytes. digest gets their MD5 in base64. The
 * last byte of the source is given away only after the source has ended well, so that an object is
 * never published from a source that turned out cut, grown or replaced. *code is libcurl's verdict;
 * *is_sent tells whether the peer may hold the whole body.
 */
MUST_USE bool upload_send(struct upload *upload, struct handle *handle, struct http_answer *answer,
                          uint64_t size, char digest[static MD5_TEXT_SIZE], CURLcode *code,
                          bool *is_sent, struct error *err);

void upload_digest_text(const unsigned char md5[static br_md5_SIZE],
                        char text[static MD5_TEXT_SIZE]);

/* "if-none-match: *" unless the policy is to overwrite. */
const char *upload_condition(const struct upload *upload);

/* What arrived is not what was sent: removes it, if it is that version. False with ERROR_BROKEN. */
bool upload_refuse_damaged(struct upload *upload, const char *etag, const char *told,
                           const char *digest, struct error *err);

/* Whether an answer other than a success does not tell that nothing was stored. Under a temporary name, which is
 * ours alone, a conflict is with our own request, of which a gateway has made two. */
bool upload_status_is_doubtful(const struct upload *upload, int status);

/* The answer of the request that publishes was lost: true if a look finds our bytes there. Else why
 * stands (nothing was published), or becomes ERROR_EXISTS or ERROR_UNKNOWN. */
bool upload_settle(struct upload *upload, const char *digest, struct error *why);

/* Writes what is known of the published object to the receipt: of one that was published before, by
 * what the call's doubt tells. */
void upload_keep_receipt(struct upload *upload, const char *etag, const char *digest);
void upload_keep_doubt(struct upload *upload);

/* Ends a request that published: keeps etag and digest if theirs, or removes the object again. */
MUST_USE bool upload_verify(struct upload *upload, const char *etag, const char *told,
                            const char *digest, struct error *err);

/* PUT of the whole source, or of what is held; upload in parts of part_size. All publish upload->name
 * or nothing. upload_held (object_held.c) makes one of the others out of a source of unknown size. */
MUST_USE bool upload_whole(struct upload *upload, struct error *err);
MUST_USE bool upload_parts(struct upload *upload, uint64_t part_size, struct error *err);
MUST_USE bool upload_held(struct upload *upload, struct error *err);

/*
 * Of a journaled call: under a temporary name, in parts of part_size (0: by one PUT), then renamed into
 * place, so that it can be told later whether it was published, even if a reader has taken it since. err is
 * not NULL. ERROR_DENIED: renaming is not permitted there; the temporary object is removed, nothing is
 * published. ERROR_UNKNOWN: what the rename did, or will do yet, is not known; the temporary object stays,
 * or is gone and may have been renamed.
 */
MUST_USE bool upload_staged(struct upload *upload, uint64_t part_size, struct error *err);
/* upload_doubt for one of those: what is whole is renamed into place. */
MUST_USE bool upload_staged_doubt(struct upload *upload, bool *is_done, struct error *err);

/* Renames what the receipt tells of from its temporary name to upload->name, and notes its new etag.
 * ERROR_EXISTS; ERROR_UNKNOWN: it may have happened, or happen yet. (object_storage.c) */
MUST_USE bool object_publish(struct upload *upload, const char *temporary, struct error *err);

/* Tells the call what could not be removed. */
void upload_leave(const struct upload *upload, const char *temporary, bool is_object);

/* DELETE of path. Removes an object; _or_leave tells the call if it failed. All without the call, which may be
 * over, but for upload->discards. */
enum removal upload_delete(const struct upload *upload, const char *path);
enum removal upload_remove_object(const struct upload *upload, const char *name);
enum removal upload_remove_or_leave(const struct upload *upload, const char *temporary);

/* The discard of struct content_server. */
MUST_USE bool object_discard(struct transfer *transfer, const struct connection *connection,
                             const char *folder, const struct transfer_step *step,
                             const struct transfer_call *call, struct error *err);

/* Announces the upload in parts of that id, if the caller keeps a journal. */
MUST_USE bool upload_announce(const struct upload *upload, const char *id, struct error *err);

/* What became of the upload that the call is in doubt about. *is_done: it was published, whether it is
 * still there or not, and receipt is filled; else what was left of it is gone. ERROR_UNKNOWN: the service
 * could not tell. */
MUST_USE bool upload_doubt(struct upload *upload, bool *is_done, struct error *err);
#endif
