/* SPDX-License-Identifier: MIT */
/*
 * What was said on an FTP control connection during one perform: each command's verb and the reply
 * to it. libcurl's result codes do not tell which of several commands a server refused, nor whether
 * a command was sent whose reply never came; this does. Arguments are not kept: PASS has one.
 */
#ifndef TRANSFER_FTP_DIALOGUE_H
#define TRANSFER_FTP_DIALOGUE_H
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#define DIALOGUE_EXCHANGES_MAX 32 /* login with TLS takes about 10; the last one is overwritten */
#define DIALOGUE_TEXT_SIZE 160
#define FTP_HOME_SIZE 512

struct ftp_exchange {
    char verb[8];                  /* upper case; "" for the server's greeting */
    int code_first;                /* first complete reply (1xx of a transfer); 0: none came */
    int code;                      /* last complete reply; 0: none came */
    char text[DIALOGUE_TEXT_SIZE]; /* of the last reply, without the code; control bytes are blanks
                                    */
};

enum ftp_answer { FTP_NOT_ASKED, FTP_NO, FTP_YES };

struct ftp_dialogue {
    struct ftp_exchange exchanges[DIALOGUE_EXCHANGES_MAX];
    size_t count;
    /* Known of the server, kept as long as the handle and the connection's definition: */
    uint64_t definition;
    enum ftp_answer has_mlsd;
    char home[FTP_HOME_SIZE]; /* where the login lands; "" until known */
    bool is_binary;           /* the newest login has been told TYPE I, and nothing else since */
    bool has_performed;
    bool needs_login; /* the request at hand is for a new connection: its folder is only known from there */
    bool is_doubtful; /* a transfer failed so that replies may be out of step: not to be reused */
};

void dialogue_clear(struct ftp_dialogue *dialogue); /* forgets what was said, keeps what is known */

/* A CURLOPT_DEBUGFUNCTION whose argument is the dialogue. */
int dialogue_note(CURL *easy, curl_infotype type, char *data, size_t size, void *dialogue);

/* The nth (from 0) exchange with that verb, or NULL. */
const struct ftp_exchange *dialogue_find(const struct ftp_dialogue *dialogue, const char *verb,
                                         size_t nth);

/* The newest exchange with a reply, or NULL. QUIT is none: libcurl says it where it drops a connection. */
const struct ftp_exchange *dialogue_last(const struct ftp_dialogue *dialogue);

/* The newest reply is a yes, and none to a command that only leads to the login. */
bool dialogue_is_let_in(const struct ftp_dialogue *dialogue);

/* The number in a "213 1234" answer; false: it is none. */
bool exchange_number(const struct ftp_exchange *exchange, uint64_t *value);
#endif
