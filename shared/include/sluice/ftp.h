/* SPDX-License-Identifier: MIT */
/*
 * Content servers over FTP, FTPS or SFTP. A connection is a name that the manifest grants; address
 * and credentials stay with the host. Negative results are enum sluice_status: DENIED (no grant, or
 * the server refused login or permission), UNAVAILABLE, TIMEOUT, REFUSED, UNSUPPORTED (the
 * connection is of another type) may come from each call and are not repeated below.
 */
#ifndef SLUICE_FTP_H
#define SLUICE_FTP_H
#include <stdint.h>

#include "sluice/abi.h"
#include "sluice/text.h"

/* Plain files in directory whose names begin with prefix ("": all), ordered by name. A listing for
 * file_next and file_close. NOT_FOUND: no such directory; BROKEN: the listing arrived cut. */
int32_t ftp_list(const char *connection, const char *directory, const char *prefix);

/* A reference to a file; no byte moves until it is stored somewhere. For file_close. NOT_FOUND. */
int32_t ftp_open(const char *connection, const char *directory, const char *name);

/* Carries file to directory/name under a temporary name, checks its size and renames it into place.
 * EXISTS: the name is taken; BROKEN: it did not arrive whole; LIMIT: larger than allowed; in each
 * case nothing was published. UNKNOWN: it may have been. receipt is replaced by JSON
 * {"name","size","digest"?}. */
int32_t ftp_store(const char *connection, const char *directory, const char *name, int32_t file,
                  struct text *receipt);

/* NOT_FOUND: no such file. */
int32_t ftp_stat(const char *connection, const char *directory, const char *name,
                 struct sluice_file_info *info);

/* Renames within directory; name_used is replaced by the name it has now (the connection may be set
 * to number names that are taken). EXISTS: the new name is taken; UNKNOWN: it may have happened. */
int32_t ftp_rename(const char *connection, const char *directory, const char *from, const char *to,
                   struct text *name_used);
#endif
