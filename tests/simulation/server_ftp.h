/* SPDX-License-Identifier: MIT */
/*
 * What an FTP server makes of commands: the two content servers, one folder each. RNTO overwrites and
 * an upload shows from its first byte, as on the four servers that were looked at. SFTP shares the files.
 */
#ifndef SIMULATION_SERVER_FTP_H
#define SIMULATION_SERVER_FTP_H
#include "curl_easy.h"

#define FTP_HOME "/home/sync"  /* where a login lands */
#define FTP_FOLDER "extracts"  /* in it: the only folder */

struct reply {
    int code;
    char text[200];
};

enum place_id server_place(enum server server);
const struct flavour *server_flavour(enum server server);

/* Every command that needs no data connection. */
void ftp_serve(struct session *session, const char *verb, const char *argument, struct reply *reply);

/* The listing as MLSD or LIST writes it. */
void ftp_list_files(enum place_id place, bool is_mlsd, struct buf *out);

/* The name in the session's folder; NULL: it stands elsewhere, or there is none. */
struct file *ftp_file(const struct session *session, const char *name);

/* An upload begins: what was there is gone. NULL: refused. */
struct file *ftp_store_begins(struct session *session, const char *name);

/* From here on for SFTP, too. */
void ftp_looked_at(struct file *file);
void ftp_rename(enum place_id place, struct file *file, const char *to);
void ftp_delete(enum place_id place, struct file *file);

/* A rename that was asked for, and that the server does some time after the next look. */
void ftp_rename_later(enum place_id place, const struct file *file, const char *to);
/* The host asks something of the place, about that name: what is late may happen before it is answered. */
void ftp_act_late(enum place_id place, const char *name);

/* The control connection is gone, but the rest of an upload still arrives, a little later. */
void ftp_write_later(enum place_id place, const char *name, const struct body *rest);
#endif
