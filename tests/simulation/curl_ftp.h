/* SPDX-License-Identifier: MIT */
/* What the files of the simulated libcurl's FTP share. For curl_ftp*.c only. */
#ifndef SIMULATION_CURL_FTP_H
#define SIMULATION_CURL_FTP_H
#include "curl_easy.h"
#include "server_ftp.h"

struct ftp {
    struct easy *easy;
    struct session *session;
    const struct flavour *flavour;
    enum place_id place;
    char folder[URL_PATH_SIZE], file[URL_PATH_SIZE]; /* of the URL */
    int code; /* of the newest reply */
};

/* The refusals that may come instead of a reply to any command. */
extern const enum mishap ftp_any_command[], ftp_at_folder[];

/* The reply that a mishap stands for; 0: it is none, and text stays. */
int ftp_code_of(enum mishap mishap, const char **text);

/* A reply is read: libcurl gives the connection up at a 421, whatever it was about. */
CURLcode ftp_hear(struct ftp *ftp, int code, const char *text);

/* Sends a command and reads its (first) reply, or one of the refusals. */
CURLcode ftp_say(struct ftp *ftp, const char *verb, const char *argument,
                 const enum mishap kinds[]);

/* A command is on its way: for the trace and the dialogue. */
void ftp_note_command(struct ftp *ftp, const char *verb, const char *argument);

/* A list of commands; one that begins with '*' may be refused. */
CURLcode ftp_quote(struct ftp *ftp, const struct curl_slist *list);

/* From the greeting to PWD. */
CURLcode ftp_log_in(struct ftp *ftp);

/* Sends the command that opens the data connection. *refused: no data will flow. exists: else the reply
 * is `missing`. */
CURLcode ftp_begin_transfer(struct ftp *ftp, const char *verb, const char *argument, bool exists,
                            int missing, const enum mishap kinds[], bool *refused);

/* The control connection is lost while data flow; the last reply of a transfer. */
CURLcode ftp_lose_control(struct ftp *ftp);
CURLcode ftp_conclude(struct ftp *ftp, int reply, const char *text);

CURLcode ftp_store(struct ftp *ftp);
#endif
