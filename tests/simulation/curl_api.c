/* SPDX-License-Identifier: MIT */
/* libcurl's functions: handles, options, answers about a transfer; see curl_easy.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "curl_easy.h"

/* curl.h makes macros of these, to check their number of arguments. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

CURLcode curl_global_init(long flags)
{
    (void)flags;
    return CURLE_OK;
}

void curl_global_cleanup(void)
{
}

const char *curl_easy_strerror(CURLcode code)
{
    static _Thread_local char text[32];
    snprintf(text, sizeof text, "libcurl's error %d", (int)code);
    return text;
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
    struct curl_slist *item = calloc(1, sizeof *item), *last = list;
    if (!item || !(item->data = strdup(text))) {
        free(item);
        return NULL;
    }
    while (last && last->next)
        last = last->next;
    if (last)
        last->next = item;
    return list ? list : item;
}

void curl_slist_free_all(struct curl_slist *list)
{
    while (list) {
        struct curl_slist *next = list->next;
        free(list->data);
        free(list);
        list = next;
    }
}

/* Only the exporter of traces asks, and workspaces of the simulation have none. */
time_t curl_getdate(const char *text, const time_t *unused)
{
    (void)text, (void)unused;
    return -1;
}

/* ---- easy handles ---------------------------------------------------------------------------- */

CURL *curl_easy_init(void)
{
    return calloc(1, sizeof(struct easy));
}

static void free_texts(struct easy *easy)
{
    free(easy->url);
    free(easy->user);
    free(easy->password);
    free(easy->custom);
    free(easy->mail_from);
}

void curl_easy_reset(CURL *handle)
{
    struct easy *easy = handle;
    struct multi *multi = easy->multi;
    free_texts(easy);
    *easy = (struct easy){.multi = multi, .send_size = -1, .post_size = -1};
}

void curl_easy_cleanup(CURL *handle)
{
    if (!handle)
        return;
    free_texts(handle);
    free(handle);
}

static void set_text(char **to, const char *text)
{
    free(*to);
    *to = text ? strdup(text) : NULL;
}

static void set_long(struct easy *easy, CURLoption option, long value)
{
    switch (option) {
    case CURLOPT_UPLOAD:
        easy->uploads = value != 0;
        break;
    case CURLOPT_NOBODY:
        easy->has_no_body = value != 0;
        break;
    case CURLOPT_POST:
        easy->posts = value != 0;
        break;
    case CURLOPT_HTTPGET:
        easy->posts = easy->uploads = easy->has_no_body = false;
        break;
    case CURLOPT_FRESH_CONNECT:
        easy->is_fresh = value != 0;
        break;
    case CURLOPT_FORBID_REUSE:
        easy->must_not_stay = value != 0;
        break;
    case CURLOPT_IGNORE_CONTENT_LENGTH:
        easy->ignores_length = value != 0;
        break;
    case CURLOPT_FILETIME:
        easy->wants_time = value != 0;
        break;
    case CURLOPT_TIMEOUT_MS:
        easy->timeout_ms = value;
        break;
    case CURLOPT_USE_SSL:
        easy->use_ssl = value;
        break;
    default:
        break;
    }
}

static void set_object(struct easy *easy, CURLoption option, void *value)
{
    switch (option) {
    case CURLOPT_URL:
        set_text(&easy->url, value);
        break;
    case CURLOPT_USERNAME:
        set_text(&easy->user, value);
        break;
    case CURLOPT_PASSWORD:
        set_text(&easy->password, value);
        break;
    case CURLOPT_CUSTOMREQUEST:
        set_text(&easy->custom, value);
        break;
    case CURLOPT_MAIL_FROM:
        set_text(&easy->mail_from, value);
        break;
    case CURLOPT_POSTFIELDS:
        easy->post_fields = value;
        break;
    case CURLOPT_QUOTE:
        easy->quote = value;
        break;
    case CURLOPT_PREQUOTE:
        easy->prequote = value;
        break;
    case CURLOPT_POSTQUOTE:
        easy->postquote = value;
        break;
    case CURLOPT_HTTPHEADER:
        easy->headers = value;
        break;
    case CURLOPT_MAIL_RCPT:
        easy->recipients = value;
        break;
    case CURLOPT_WRITEDATA:
        easy->write_context = value;
        break;
    case CURLOPT_HEADERDATA:
        easy->header_context = value;
        break;
    case CURLOPT_PREREQDATA:
        easy->before_sending_context = value;
        break;
    case CURLOPT_READDATA:
        easy->read_context = value;
        break;
    case CURLOPT_DEBUGDATA:
        easy->debug_context = value;
        break;
    case CURLOPT_XFERINFODATA:
        easy->watch_context = value;
        break;
    case CURLOPT_ERRORBUFFER:
        easy->error = value;
        break;
    default:
        break;
    }
}

static void set_function(struct easy *easy, CURLoption option, va_list args)
{
    switch (option) {
    case CURLOPT_WRITEFUNCTION:
        easy->write = va_arg(args, curl_write_callback);
        break;
    case CURLOPT_HEADERFUNCTION:
        easy->header = va_arg(args, curl_write_callback);
        break;
    case CURLOPT_PREREQFUNCTION:
        easy->before_sending = va_arg(args, curl_prereq_callback);
        break;
    case CURLOPT_READFUNCTION:
        easy->read = va_arg(args, curl_read_callback);
        break;
    case CURLOPT_DEBUGFUNCTION:
        easy->debug = va_arg(args, curl_debug_callback);
        break;
    case CURLOPT_XFERINFOFUNCTION:
        easy->watch = va_arg(args, curl_xferinfo_callback);
        break;
    default:
        break;
    }
}

static void set_offset(struct easy *easy, CURLoption option, curl_off_t value)
{
    if (option == CURLOPT_INFILESIZE_LARGE)
        easy->send_size = value;
    else if (option == CURLOPT_POSTFIELDSIZE_LARGE)
        easy->post_size = value;
}

CURLcode curl_easy_setopt(CURL *handle, CURLoption option, ...)
{
    va_list args;
    va_start(args, option);
    if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB)
        set_offset(handle, option, va_arg(args, curl_off_t));
    else if (option >= CURLOPTTYPE_FUNCTIONPOINT && option < CURLOPTTYPE_OFF_T)
        set_function(handle, option, args);
    else if (option >= CURLOPTTYPE_OBJECTPOINT)
        set_object(handle, option, va_arg(args, void *));
    else
        set_long(handle, option, va_arg(args, long));
    va_end(args);
    return CURLE_OK;
}

CURLcode curl_easy_getinfo(CURL *handle, CURLINFO info, ...)
{
    struct easy *easy = handle;
    va_list args;
    va_start(args, info);
    void *out = va_arg(args, void *);
    va_end(args);
    switch (info) {
    case CURLINFO_RESPONSE_CODE:
        *(long *)out = easy->status;
        break;
    case CURLINFO_NUM_CONNECTS:
        *(long *)out = easy->connect_count;
        break;
    case CURLINFO_SSL_VERIFYRESULT:
        *(long *)out = 10; /* X509_V_ERR_CERT_HAS_EXPIRED, the one that is simulated */
        break;
    case CURLINFO_CONNECT_TIME_T:
        *(curl_off_t *)out = easy->connect_us;
        break;
    case CURLINFO_APPCONNECT_TIME_T:
        *(curl_off_t *)out = easy->login_us;
        break;
    case CURLINFO_FILETIME_T:
        *(curl_off_t *)out = easy->file_time;
        break;
    case CURLINFO_CONTENT_LENGTH_DOWNLOAD_T:
        *(curl_off_t *)out = easy->download_size;
        break;
    case CURLINFO_FTP_ENTRY_PATH:
        *(char **)out = easy->entry_path[0] ? easy->entry_path : NULL;
        break;
    default:
        return CURLE_UNKNOWN_OPTION;
    }
    return CURLE_OK;
}

/* ---- multi handles --------------------------------------------------------------------------- */

CURLM *curl_multi_init(void)
{
    return calloc(1, sizeof(struct multi));
}

CURLMcode curl_multi_cleanup(CURLM *handle)
{
    free(handle);
    return CURLM_OK;
}

CURLMcode curl_multi_setopt(CURLM *handle, CURLMoption option, ...)
{
    (void)handle, (void)option;
    return CURLM_OK;
}

CURLMcode curl_multi_add_handle(CURLM *handle, CURL *easy)
{
    struct multi *multi = handle;
    multi->easy = easy;
    multi->has_message = false;
    multi->easy->multi = multi;
    return CURLM_OK;
}

CURLMcode curl_multi_remove_handle(CURLM *handle, CURL *easy)
{
    (void)easy;
    ((struct multi *)handle)->easy = NULL;
    return CURLM_OK;
}

static CURLcode perform(struct easy *easy)
{
    const char *path;
    enum server server = server_of_url(easy->url ? easy->url : "", &path);
    easy->begun_ns = world->now_ns;
    easy->status = 0;
    easy->session = NULL;
    if (server == SERVER_COUNT)
        return easy_fail(easy, CURLE_COULDNT_RESOLVE_HOST, "Could not resolve host");
    CURLcode code = server == SERVER_MAIL                       ? curl_smtp_perform(easy)
                    : strncasecmp(easy->url, "sftp:", 5) == 0   ? curl_sftp_perform(easy, server, path)
                    : strncasecmp(easy->url, "ftp", 3) == 0     ? curl_ftp_perform(easy, server, path)
                                                                : curl_http_perform(easy, server, path);
    if (easy->session)
        easy->session->used_ns = world->now_ns;
    if (easy->must_not_stay)
        easy_disconnect(easy);
    return code;
}

CURLMcode curl_multi_perform(CURLM *handle, int *running)
{
    struct multi *multi = handle;
    multi->message = (CURLMsg){.msg = CURLMSG_DONE, .easy_handle = multi->easy};
    multi->message.data.result = perform(multi->easy);
    multi->has_message = true;
    *running = 0;
    return CURLM_OK;
}

CURLMcode curl_multi_poll(CURLM *handle, struct curl_waitfd fds[], unsigned fd_count, int wait_ms,
                          int *active)
{
    (void)handle, (void)fds, (void)fd_count, (void)wait_ms;
    *active = 0;
    return CURLM_OK;
}

CURLMsg *curl_multi_info_read(CURLM *handle, int *left)
{
    struct multi *multi = handle;
    *left = 0;
    if (!multi->has_message)
        return NULL;
    multi->has_message = false;
    return &multi->message;
}
