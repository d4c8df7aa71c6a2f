/* SPDX-License-Identifier: MIT */
/*
 * What an SMTP server said, as far as libcurl does not tell: which recipients it refused and with
 * what words, the last refusal, its greeting. Fed by libcurl's debug callback; commands that may
 * hold secrets (AUTH and what follows) are only counted, never kept. One thread per dialogue.
 */
#ifndef TRANSFER_SMTP_DIALOGUE_H
#define TRANSFER_SMTP_DIALOGUE_H
#include "transfer/internal.h"
#include "transfer/mime.h"

#define SMTP_WORDS_SIZE 256

/*
 * How long a reply to a mail is waited for, in s: the least of RFC 5321 4.5.3.2, because a server that is
 * left before it has answered the final dot sends the mail all the same, and again when it is asked again.
 */
#define MAIL_REPLY_TIMEOUT_S 300 /* to the others; until MAIL at most connect_timeout_s, all in all */
#define MAIL_DATA_TIMEOUT_S 120  /* to DATA */
#define MAIL_BLOCK_TIMEOUT_S 180 /* nothing of the message can be sent */
#define MAIL_DOT_TIMEOUT_S 600   /* to the final dot, and the last bytes before it */
#define MAIL_QUIT_TIMEOUT_S 5    /* to QUIT: nothing depends on it */

struct smtp_dialogue {
    char recipient[MIME_ADDRESS_SIZE_MAX + 1]; /* of the RCPT whose reply is awaited; "" else */
    struct buf refused;                  /* "address: 550 words\n", for good */
    struct buf delayed;                  /* the same, for now (4xx, and 552: RFC 5321 4.5.3.1.10) */
    struct buf deferred;                 /* the addresses of those, commas between */
    unsigned accepted, answered;         /* recipients; answered: the others, too */
    int code;                            /* 400 and above: the last command (but QUIT) was refused; else 0 */
    char words[SMTP_WORDS_SIZE];         /* its text, printable */
    char banner[SMTP_WORDS_SIZE];        /* the greeting without its code */
    bool has_banner, offers_auth, did_auth, is_quitting;
    bool is_for_mail; /* replies may take the times above; else what the connection allows */
    bool is_mail, is_data; /* MAIL, DATA was said: what is refused from there on is this mail */
};

void smtp_dialogue_init(struct smtp_dialogue *dialogue);
void smtp_dialogue_release(struct smtp_dialogue *dialogue);

/* Lets libcurl feed dialogue, which outlives the perform. */
void smtp_dialogue_attach(struct smtp_dialogue *dialogue, struct handle *handle);

/* One line of a command, one of a reply; for tests and fuzzing, too. */
void smtp_dialogue_sent(struct smtp_dialogue *dialogue, const char *line, size_t size);
void smtp_dialogue_received(struct smtp_dialogue *dialogue, const char *line, size_t size);
#endif
