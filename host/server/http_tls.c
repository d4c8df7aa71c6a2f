/* SPDX-License-Identifier: MIT */
/* Certificate chains and keys from PEM files; see http_tls.h. */
#include "server/http_tls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define CHAIN_MAX 8
#define PEM_SIZE_MAX (256u << 10)

struct pair {
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned chain_count;
    gnutls_privkey_t key;
    struct pair *older;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct pair *newest;

static void pair_free(struct pair *pair)
{
    for (unsigned i = 0; i < pair->chain_count; i++)
        gnutls_pcert_deinit(&pair->chain[i]);
    if (pair->key)
        gnutls_privkey_deinit(pair->key);
    free(pair);
}

static bool read_chain(struct pair *pair, const char *path, struct error *err)
{
    struct buf text;
    buf_init(&text, PEM_SIZE_MAX);
    bool ok = file_read(path, &text, err);
    if (ok) {
        gnutls_datum_t data = {(unsigned char *)text.data, (unsigned)text.size};
        unsigned count = CHAIN_MAX;
        int code = gnutls_pcert_list_import_x509_raw(pair->chain, &count, &data,
                                                     GNUTLS_X509_FMT_PEM, 0);
        pair->chain_count = code == 0 ? count : 0;
        if (code != 0 || count == 0)
            ok = error_set(err, ERROR_INVALID, "certificate file '%s': %s", path,
                           gnutls_strerror(code));
    }
    buf_release(&text);
    return ok;
}

static bool read_key(struct pair *pair, const char *path, struct error *err)
{
    struct buf text;
    buf_init(&text, PEM_SIZE_MAX);
    bool ok = file_read(path, &text, err);
    if (ok) {
        gnutls_datum_t data = {(unsigned char *)text.data, (unsigned)text.size};
        int code = gnutls_privkey_init(&pair->key);
        if (code == 0)
            code = gnutls_privkey_import_x509_raw(pair->key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
        if (code != 0)
            ok = error_set(err, ERROR_INVALID, "key file '%s': %s", path, gnutls_strerror(code));
    }
    if (text.data)
        explicit_bzero(text.data, text.size);
    buf_release(&text);
    return ok;
}

/* A key that is not the certificate's would fail every handshake. */
static bool check_match(const struct pair *pair, const char *key_path, struct error *err)
{
    gnutls_pubkey_t public;
    unsigned char of_key[64], of_certificate[64];
    size_t key_size = sizeof of_key, certificate_size = sizeof of_certificate;
    if (gnutls_pubkey_init(&public) != 0)
        return error_set(err, ERROR_LIMIT, "out of memory");
    bool ok = gnutls_pubkey_import_privkey(public, pair->key, 0, 0) == 0 &&
              gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, of_key, &key_size) == 0 &&
              gnutls_pubkey_get_key_id(pair->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256,
                                       of_certificate, &certificate_size) == 0 &&
              key_size == certificate_size && memcmp(of_key, of_certificate, key_size) == 0;
    gnutls_pubkey_deinit(public);
    return ok || error_set(err, ERROR_INVALID, "key file '%s' is not the key of the certificate",
                           key_path);
}

bool http_tls_load(const char *certificate, const char *key, struct error *err)
{
    struct pair *pair = calloc(1, sizeof *pair);
    if (!pair)
        return error_set(err, ERROR_LIMIT, "out of memory");
    if (!read_chain(pair, certificate, err) || !read_key(pair, key, err) ||
        !check_match(pair, key, err)) {
        pair_free(pair);
        return false;
    }
    pthread_mutex_lock(&mutex);
    pair->older = newest;
    newest = pair;
    pthread_mutex_unlock(&mutex);
    return true;
}

void http_tls_release(void)
{
    while (newest) {
        struct pair *older = newest->older;
        pair_free(newest);
        newest = older;
    }
}

int http_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *names, int name_count,
                      const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                      gnutls_pcert_st **chain, unsigned *chain_count, gnutls_privkey_t *key)
{
    (void)session, (void)names, (void)name_count, (void)algorithms, (void)algorithm_count;
    pthread_mutex_lock(&mutex);
    *chain = newest->chain;
    *chain_count = newest->chain_count;
    *key = newest->key;
    pthread_mutex_unlock(&mutex);
    return 0;
}
