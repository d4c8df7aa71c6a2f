/* SPDX-License-Identifier: MIT */
/*
 * libcurl as far as the host uses it, over the simulated world: the same functions, options, callbacks
 * and verdicts (7.88.1's), with no socket behind them. A perform runs the whole exchange on the
 * caller's thread. The protocols' files speak to the servers one command or request at a time, and at
 * each of them a mishap may strike. Options that nothing here acts on are taken and ignored.
 */
#ifndef SIMULATION_CURL_EASY_H
#define SIMULATION_CURL_EASY_H
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/buf.h"
#include "world.h"

enum server {
    SERVER_CCS_FTP,
    SERVER_DACS_FTP,
    SERVER_CCS_STORAGE,
    SERVER_DACS_STORAGE,
    SERVER_CCS,
    SERVER_MAIL,
    SERVER_SPARE_CCS_FTP,
    SERVER_SPARE_DACS_FTP,
    SERVER_SPARE_CCS_STORAGE,
    SERVER_SPARE_DACS_STORAGE,
    SERVER_COUNT,
};

#define CWD_SIZE 300
#define URL_PATH_SIZE 2048

/* A connection that a multi handle keeps between performs. */
struct session {
    bool is_open;
    enum server server;
    int64_t used_ns;
    /* FTP and SFTP */
    char folder[CWD_SIZE], entered[CWD_SIZE]; /* where the server stands; what libcurl remembers of it */
    char type;                                /* 'A' or 'I' */
    bool is_protected;                        /* TLS */
    char renames[NAME_SIZE];                  /* RNFR's */
};

struct multi {
    struct session sessions[2];
    struct easy *easy;
    CURLMsg message;
    bool has_message;
};

struct easy {
    /* options */
    char *url, *user, *password, *custom, *mail_from;
    struct curl_slist *quote, *prequote, *postquote, *headers, *recipients;
    bool uploads, has_no_body, posts, is_fresh, must_not_stay, ignores_length, wants_time;
    long timeout_ms, use_ssl;
    curl_off_t send_size, post_size;
    const char *post_fields;
    curl_write_callback write;
    void *write_context;
    curl_write_callback header;
    void *header_context;
    curl_read_callback read;
    void *read_context;
    curl_prereq_callback before_sending;
    void *before_sending_context;
    curl_debug_callback debug;
    void *debug_context;
    curl_xferinfo_callback watch;
    void *watch_context;
    char *error;

    /* the perform at hand */
    struct multi *multi;
    struct session *session;
    int64_t begun_ns;
    bool was_reused;

    /* info */
    long status, connect_count;
    curl_off_t connect_us, login_us, file_time, download_size;
    char entry_path[CWD_SIZE];
};

/* The server of an URL; SERVER_COUNT: there is none of that name. path: behind the host, with its '/'. */
enum server server_of_url(const char *url, const char **path);
const char *server_name(enum server server);

/* Sets libcurl's words and returns code. */
CURLcode easy_fail(struct easy *easy, CURLcode code, const char *format, ...) PRINTF_LIKE(3, 4);

/*
 * An exchange is about to begin: time passes, others act, the caller may be told to stop or may have
 * waited too long. CURLE_OK: go on.
 */
CURLcode easy_step(struct easy *easy);

/* A kept session or a new one; *is_new: the protocol has to greet and log in. */
CURLcode easy_connect(struct easy *easy, enum server server, bool *is_new);
void easy_disconnect(struct easy *easy);

/* What becomes of one exchange by the network's doing, whatever the peer would say. */
enum network {
    NETWORK_FINE,
    NETWORK_LOST_BEFORE, /* the peer never saw it; code is set */
    NETWORK_LOST_AFTER,  /* the peer acts on it, its answer does not come; code is set */
};
enum network easy_draw_network(struct easy *easy, CURLcode *code);

/* Gives the reader a line of the dialogue. */
void easy_note(struct easy *easy, curl_infotype type, const char *line);

/* Bytes to and from the host's callbacks. *size 0: the end. */
CURLcode easy_give(struct easy *easy, const void *bytes, size_t size);
CURLcode easy_take(struct easy *easy, char *bytes, size_t room, size_t *size);
#define CHUNK_SIZE 16384u

/* One perform of each protocol. */
CURLcode curl_ftp_perform(struct easy *easy, enum server server, const char *path);
CURLcode curl_sftp_perform(struct easy *easy, enum server server, const char *path);
CURLcode curl_http_perform(struct easy *easy, enum server server, const char *path);
CURLcode curl_smtp_perform(struct easy *easy);

/* Percent-encoded text decoded into out; false: too long. */
bool url_decode(const char *text, size_t size, char *out, size_t room);
#endif
