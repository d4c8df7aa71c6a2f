/* SPDX-License-Identifier: MIT */
/*
 * Directory listings as FTP servers write them: MLSD (RFC 3659 section 7), the long format of Unix
 * ls in its many dialects, and that of DOS/IIS. SFTP's long names are Unix lines, too. Input is
 * hostile: lines are capped, nothing is guessed; a line that is not understood is counted.
 */
#ifndef TRANSFER_FTP_LISTING_H
#define TRANSFER_FTP_LISTING_H
#include "transfer/content_server.h"

#define LISTING_LINE_SIZE_MAX 4096u
#define LISTING_BYTES_MAX (512u << 20) /* of all lines: ends a listing that never ends */

enum listing_format { LISTING_LIST, LISTING_MLSD };

enum listing_line {
    LINE_FILE,     /* a plain file */
    LINE_OTHER,    /* understood, but not a plain file: folder, link, device */
    LINE_NOTHING,  /* lists nothing: an empty line, "total 8" */
    LINE_UNPARSED, /* not understood */
};

struct listing_name { /* points into the line */
    const char *bytes;
    size_t size;
};

/* One line without its end. now_s tells the year of a date without one. Of the flags, only
 * SLUICE_FILE_SIZE_UNKNOWN is set: MLSD need not tell sizes. */
enum listing_line listing_parse(enum listing_format format, const char *line, size_t size,
                                int64_t now_s, struct listing_name *name,
                                struct sluice_file_info *info);

/* "20261124023700", perhaps with a fraction, UTC (MLSD's modify, MDTM's answer); 0: not a time. */
int64_t listing_parse_time(const char *text, size_t size);

/* Bytes as they arrive to entries of a listing. */
struct listing_stream {
    enum listing_format format;
    const char *prefix; /* entries that begin otherwise are left out; borrowed */
    int64_t now_s;
    struct remote_listing *out; /* borrowed */
    uint64_t received;
    size_t line_size;
    bool line_is_long; /* the line at hand passed the cap: it will count as unparsed */
    char line[LISTING_LINE_SIZE_MAX];
};

void listing_stream_init(struct listing_stream *stream, enum listing_format format,
                         const char *prefix, int64_t now_s, struct remote_listing *out);

/* ERROR_LIMIT: LISTING_BYTES_MAX; ERROR_INTERNAL: no memory. */
MUST_USE bool listing_stream_feed(struct listing_stream *stream, const char *bytes, size_t size,
                                  struct error *err);

/* ERROR_BROKEN: the last line has no end, so the listing was cut. */
MUST_USE bool listing_stream_finish(struct listing_stream *stream, struct error *err);
#endif
