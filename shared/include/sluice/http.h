/* SPDX-License-Identifier: MIT */
/*
 * REST services and Object Storage. A connection is a name that the manifest grants; address,
 * credentials and signatures stay with the host. Negative results are enum sluice_status: DENIED,
 * UNAVAILABLE, TIMEOUT, REFUSED, UNSUPPORTED may come from each call and are not repeated below.
 */
#ifndef SLUICE_HTTP_H
#define SLUICE_HTTP_H
#include <stddef.h>
#include <stdint.h>

#include "sluice/abi.h"
#include "sluice/text.h"

/* One request with a small JSON body (size 0: none); path begins with '/' and is put behind the
 * connection's address. SLUICE_OK whatever the answer's status; answer is replaced by its body.
 * UNKNOWN: the request may have been carried out. LIMIT: the answer is too long. */
int32_t http_request(const char *connection, const char *method, const char *path, const char *json,
                     size_t json_size, int *status, struct text *answer);

/* Parts of a response handle: status (0: bad handle), a header (NOT_FOUND: absent), the body. */
int http_status(int32_t response);
int32_t http_header(int32_t response, const char *name, struct text *value);
int32_t http_body(int32_t response, struct text *body);

/* Object Storage under the rules of ftp.h; bucket is "<namespace>/<bucket>". */
int32_t object_list(const char *connection, const char *bucket, const char *prefix);
int32_t object_open(const char *connection, const char *bucket, const char *name);
int32_t object_store(const char *connection, const char *bucket, const char *name, int32_t file,
                     struct text *receipt);
int32_t object_stat(const char *connection, const char *bucket, const char *name,
                    struct sluice_file_info *info);
int32_t object_rename(const char *connection, const char *bucket, const char *from, const char *to,
                      struct text *name_used);
#endif
