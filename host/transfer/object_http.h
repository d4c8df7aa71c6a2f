/* SPDX-License-Identifier: MIT */
/*
 * One signed request to Object Storage, and what its answer means. Used by object_storage.c (list,
 * open, read, rename) and object_store.c (put, multipart). A request belongs to one thread.
 */
#ifndef TRANSFER_OBJECT_HTTP_H
#define TRANSFER_OBJECT_HTTP_H
#include "transfer/http_answer.h"
#include "transfer/oci_signature.h"

#define OBJECT_ANSWER_SIZE_MAX (4u << 20) /* a page of 1,000 names of 1,024 bytes, escaped, fits */
#define OBJECT_SKEW_MAX_S 300             /* the service refuses dates further off than this */

struct object_request {
    const char *method;
    const char *path;          /* behind the connection's url, percent-encoded */
    const char *json;          /* body of a POST; signed. NULL: none */
    const char *if_match;      /* NULL: not sent, as all below */
    const char *if_none_match;
    const char *content_md5;   /* of an upload, where it is known before */
    bool is_unstoppable;       /* once it is sent, the call does not end it: what it did would not be known */
    bool downloads;            /* GET whose body is a file's: the caller takes it */
    bool uploads;              /* PUT whose body streams: not signed; the caller gives the body */
};

/*
 * Adds date, Authorization and (signs_body) the body's headers for the connection's key to the
 * handle's headers. ERROR_INVALID, ERROR_DENIED: the key cannot be used, as oci_keys_get says.
 */
MUST_USE bool oci_sign_request(struct transfer *transfer, struct handle *handle,
                               const struct oci_request *request, struct error *err);

/* Whether the connection's key and OCIDs can be used; asks nobody. */
MUST_USE bool object_check_key(struct transfer *transfer, const struct connection *connection,
                               struct error *err);

/* Sets everything of request on handle but where bodies come from and go to. */
MUST_USE bool object_prepare(struct transfer *transfer, struct handle *handle,
                             const struct object_request *request, struct http_answer *answer,
                             struct http_response *response, struct error *err);

/* acquire, prepare, perform, release. True: response->status says how it went. code (may be NULL)
 * is libcurl's verdict. The caller releases response in any case. */
MUST_USE bool object_call(struct transfer *transfer, const struct connection *connection,
                          const struct transfer_call *call, const struct object_request *request,
                          struct http_response *response, CURLcode *code, struct error *err);

/* Turns a status that is no success into err and returns false; subject is what it was about
 * ("object 'x'"). 401 with a Date that is off names the clock. */
bool object_refuse(const struct connection *connection, const struct http_response *response,
                   const char *subject, struct error *err);

/* After a refusal: whether a gateway may have asked twice, and tell how the second request met the first one, which
 * is at work yet, or was carried out. */
bool object_may_be_untrue(int status);

/* 404 that speaks, in a whole body of the service's, of the object or upload. A bucket or namespace that is said to
 * be missing may be there all the same, as what is missing or not permitted: that answers nothing. */
bool object_is_forgotten(const struct http_response *response);

/* "object 'NAME' in 'FOLDER'", long names cut between characters. Returns text. */
#define OBJECT_SUBJECT_SIZE 400
const char *object_subject(const char *folder, const char *name,
                           char text[static OBJECT_SUBJECT_SIZE]);

/* Appends "/n/<namespace>/b/<bucket>" for a folder "<namespace>/<bucket>". */
MUST_USE bool object_append_bucket(const struct connection *connection, const char *folder,
                                   struct buf *path, struct error *err);

/* The same and "/<kind>/<name>": kind "o" for objects, "u" for uploads; the name whole encoded. */
MUST_USE bool object_append_name(const struct connection *connection, const char *folder,
                                 const char *kind, const char *name, struct buf *path,
                                 struct error *err);

/* What HEAD tells of an object. */
struct object_facts {
    struct sluice_file_info info;
    char etag[64];
    char digest[32]; /* content-md5, or opc-multipart-md5 ("...-N"); "" if neither came */
    bool is_multipart;
};

/* ERROR_NOT_FOUND if there is no such object. */
MUST_USE bool object_head(struct transfer *transfer, const struct connection *connection,
                          const struct transfer_call *call, const char *folder, const char *name,
                          struct object_facts *facts, struct error *err);

/*
 * The same, where something is concluded from the object's absence: a 404 may also be said of a bucket that
 * cannot be seen for the moment, so a listing of the bucket must confirm it. ERROR_NOT_FOUND: it is absent
 * for certain. (object_look.c)
 */
MUST_USE bool object_look(struct transfer *transfer, const struct connection *connection,
                          const struct transfer_call *call, const char *folder, const char *name,
                          struct object_facts *facts, struct error *err);
#endif
