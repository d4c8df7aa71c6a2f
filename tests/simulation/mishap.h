/* SPDX-License-Identifier: MIT */
/*
 * Mishaps: the faults that the simulation injects. One list, from which their names, their draws and
 * the final report come. docs/faults.md says which fault of the field's list each of them stands for.
 *
 * A seed enables some kinds and not others, so that a rare combination is not drowned by all the
 * rest, and sets how often anything happens at all. Where a kind can strike is said by the caller.
 */
#ifndef SIMULATION_MISHAP_H
#define SIMULATION_MISHAP_H
#include <stdbool.h>
#include <stdint.h>

/* X(id, name). Where a fault can strike is said where it is drawn. */
#define MISHAPS(X)                                                                                 \
    /* the process and its machine */                                                              \
    X(KILL_BEFORE, "kill before an effect")                                                        \
    X(KILL_AFTER, "kill after an effect")                                                          \
    X(POWER_CUT, "power cut")                                                                      \
    X(TORN_WRITE, "torn or lost write")                                                            \
    X(FSYNC_FAILURE, "fsync failure")                                                              \
    X(DISK_FULL, "local disk full")                                                                \
    X(WRITE_ERROR, "local write error")                                                            \
    X(CLOCK_FORWARD, "clock jumps forward")                                                        \
    X(CLOCK_BACK, "clock jumps back")                                                              \
    X(TWO_HOSTS, "two hosts on one store")                                                         \
    X(STORE_BUSY, "store locked by another program")                                               \
    /* any connection */                                                                           \
    X(RESOLVE_FAILURE, "name not resolved")                                                        \
    X(CONNECT_REFUSED, "connection refused")                                                       \
    X(CONNECT_TIMEOUT, "connection timed out")                                                     \
    X(TLS_FAILURE, "TLS handshake failure")                                                        \
    X(CERTIFICATE_FAILURE, "certificate not trusted")                                              \
    X(RESET_BEFORE, "reset before the peer acts")                                                  \
    X(REPLY_LOST, "reply lost after the peer acted")                                               \
    X(IDLE_CLOSED, "idle connection closed")                                                       \
    X(SLOW, "slow answer")                                                                         \
    X(STALL_BEFORE, "stall before the peer acts")                                                  \
    X(STALL_AFTER, "stall after the peer acted")                                                   \
    X(DATA_RESET, "reset within a body")                                                           \
    X(SHORT_BODY, "short body with a success code")                                                \
    X(LONG_BODY, "long body with a success code")                                                  \
    /* FTP and SFTP */                                                                             \
    X(FTP_GREETING_421, "FTP 421 as greeting")                                                     \
    X(FTP_421, "FTP 421")                                                                          \
    X(FTP_425, "FTP 425")                                                                          \
    X(FTP_426, "FTP 426")                                                                          \
    X(FTP_450, "FTP 450")                                                                          \
    X(FTP_451, "FTP 451")                                                                          \
    X(FTP_452, "FTP 452")                                                                          \
    X(FTP_530, "FTP 530")                                                                          \
    X(FTP_530_BUSY, "FTP 530 too many users")                                                      \
    X(FTP_332, "FTP 332 account wanted")                                                           \
    X(FTP_550, "FTP 550")                                                                          \
    X(FTP_552, "FTP 552")                                                                          \
    X(FTP_553, "FTP 553")                                                                          \
    X(FTP_NO_EPSV, "FTP EPSV refused")                                                             \
    X(FTP_NO_TLS, "FTP AUTH or PROT refused")                                                      \
    X(FTP_LIST_CUT, "FTP listing cut")                                                             \
    X(FTP_LIST_EMPTY_450, "FTP 450 for an empty listing")                                          \
    X(FTP_CONTROL_LOST, "control connection lost during data")                                     \
    X(FTP_LATE_WRITER, "server goes on writing a lost upload")                                     \
    X(FTP_WHOLE_451, "FTP 451 although whole")                                                     \
    X(FTP_TARGET_FULL, "target disk full")                                                         \
    X(SFTP_FAILURE, "SFTP request refused")                                                        \
    /* HTTP: Object Storage and REST */                                                            \
    X(HTTP_401, "HTTP 401")                                                                        \
    X(HTTP_403, "HTTP 403")                                                                        \
    X(HTTP_404, "HTTP 404 for what is there")                                                      \
    X(HTTP_409, "HTTP 409")                                                                        \
    X(HTTP_429, "HTTP 429")                                                                        \
    X(HTTP_500, "HTTP 500")                                                                        \
    X(HTTP_503, "HTTP 503")                                                                        \
    X(HTTP_5XX_AFTER, "HTTP 5xx after the peer acted")                                             \
    X(HTTP_RETRY_AFTER, "Retry-After")                                                             \
    X(HTTP_REDIRECT, "HTTP redirect")                                                              \
    X(HTTP_GARBAGE, "answer that is no JSON")                                                      \
    X(HTTP_WRONG_DIGEST, "bytes damaged on the way")                                               \
    X(HTTP_LIST_STUCK, "listing that does not advance")                                            \
    X(HTTP_UPLOAD_LOST, "upload forgotten by the service")                                         \
    /* mail */                                                                                     \
    X(SMTP_421, "SMTP 421")                                                                        \
    X(SMTP_4XX, "SMTP 450 or 451")                                                                 \
    X(SMTP_5XX, "SMTP 5xx")                                                                        \
    X(SMTP_RECIPIENT, "SMTP 550 for one of several recipients")                                    \
    X(SMTP_NO_TLS, "SMTP without STARTTLS")                                                        \
    X(SMTP_AUTH, "SMTP login refused")                                                             \
    X(SMTP_DOT_LOST, "mail lost after the final dot")                                              \
    /* other people at the source and the target */                                                \
    X(SOURCE_GROWS, "source file grows")                                                           \
    X(SOURCE_REPLACED, "source file replaced")                                                     \
    X(SOURCE_VANISHES, "source file vanishes")                                                     \
    X(SOURCE_EMPTY, "empty source file")                                                           \
    X(SOURCE_UNSAFE, "unsafe source name")                                                         \
    X(SOURCE_LONG, "source name too long to mark")                                                 \
    X(SOURCE_MARKED, "source name that is marked already")                                         \
    X(TARGET_TAKEN, "target name taken by a foreign file")                                         \
    X(MARK_TAKEN, "SENT- name taken by a foreign file")                                            \
    X(CONSUMER_TAKES, "consumer takes a file")                                                     \
    /* added later, in the order of their coming: they are drawn apart, so that a seed kept from before  \
     * takes its course without them */                                                            \
    X(HTTP_ANSWER_CUT, "answer cut behind its status line")                                        \
    X(HTTP_UPLOAD_EXPIRED, "upload forgotten once its parts were sent")                            \
    X(SMTP_CLOSED, "mail server closes behind an answer")                                          \
    X(SMTP_CHOOSY, "SMTP 450, 550 or 552 for some of many recipients")                             \
    X(FTP_LOOK_550, "FTP 550 to a look at what is there")                                          \
    X(RENAME_REFUSED, "rename done, but refused")                                                  \
    X(RENAME_LATE, "rename done late, after the next look")                                        \
    X(CLOCK_YEARS, "clock jumps by years")                                                         \
    X(REPOINTED, "connection points elsewhere for a while")                                        \
    X(HTTP_ODD_ANSWER, "answer that libcurl does not take")                                        \
    X(STORE_AWAY, "local disk full for a while")                                                   \
    X(SERVER_BESIDE, "server beside the runs")                                                     \
    X(OBJECT_RENAME_REFUSED, "renameObject done, but refused")                                     \
    X(OBJECT_RENAME_LATE, "renameObject done late, after the next look")                           \
    X(FTP_425_MADE, "FTP 425 after the file was made")                                             \
    X(STOPPED, "run stopped within a request")                                                     \
    X(OBJECT_STORE_REFUSED, "object stored, but refused")

enum mishap {
#define MISHAP_ID(id, name) MISHAP_##id,
    MISHAPS(MISHAP_ID)
#undef MISHAP_ID
        MISHAP_COUNT,
    MISHAP_NONE = MISHAP_COUNT,
    MISHAP_FIRST_LATER = MISHAP_HTTP_ANSWER_CUT,
};

const char *mishap_name(enum mishap mishap);

/* One of the kinds (a list that ends with MISHAP_NONE) that strikes here and now, or MISHAP_NONE. It is
 * counted and traced; the caller makes it happen. Never in calm times. */
enum mishap mishap_draw(const enum mishap kinds[]);

/* The same, where an exchange is rare and much can go wrong: a body that is sent. */
enum mishap mishap_draw_often(const enum mishap kinds[]);

/* Whether that kind, if this seed has it, happens now; permille chances. Counted when true. */
bool mishap_happens(enum mishap mishap, unsigned permille);

/* The same, where there are few chances. */
bool mishap_happens_often(enum mishap mishap);

/* Of one that was decided elsewhere. */
void mishap_count(enum mishap mishap);
#endif
