/* SPDX-License-Identifier: MIT */
/*
 * The cache of parsed signing keys; see oci_key.h. Entries are only ever added, so what
 * oci_keys_get returned stays valid without the lock. The key of an entry includes all that decides
 * which key is meant: a workspace that is read again with other settings gets another entry, and so
 * does a key file that has changed since (one entry for each change: a person's doing, and rare).
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file_stamp.h"
#include "transfer/oci_key.h"

struct entry {
    struct entry *next;
    struct oci_key *key;
    char *identity; /* name, file and fingerprint, one a line */
    struct file_stamp stamp; /* of the file that was read */
};

struct oci_keys {
    pthread_mutex_t lock;
    struct entry *entries;
};

struct oci_keys *oci_keys_new(void)
{
    struct oci_keys *keys = calloc(1, sizeof *keys);
    if (keys)
        pthread_mutex_init(&keys->lock, NULL);
    return keys;
}

void oci_keys_free(struct oci_keys *keys)
{
    if (!keys)
        return;
    while (keys->entries) {
        struct entry *entry = keys->entries;
        keys->entries = entry->next;
        oci_key_free(entry->key);
        free(entry->identity);
        free(entry);
    }
    pthread_mutex_destroy(&keys->lock);
    free(keys);
}

/* The file's path, or the variable's name. */
static const char *key_place(const struct connection *connection)
{
    const struct secret *key = &connection->private_key;
    return key->file ? key->file : key->env ? key->env : "";
}

static char *identity_of(const struct connection *connection)
{
    struct buf text;
    buf_init(&text, 16384);
    buf_printf(&text, "%s\n%s\n%s", connection->name,
               key_place(connection),
               connection->fingerprint ? connection->fingerprint : "");
    return buf_take(&text, NULL);
}

/* Taken before the file is read: a change in between costs one more reading, and is not missed. */
static struct file_stamp stamp_of(const struct connection *connection)
{
    return file_stamp_of(connection->private_key.file ? connection->private_key.file : "");
}

static bool read_key(const struct connection *connection, struct buf *pem, struct buf *phrase,
                     struct oci_key **key, struct error *err)
{
    if (!key_place(connection)[0])
        return error_set(err, ERROR_INVALID, "connection '%s' sets no \"private_key\"",
                         connection->name);
    if (!secret_read(connection, "private_key", &connection->private_key, pem, err))
        return false;
    buf_append_char(pem, '\n'); /* PEM ends its last line; a secret does not */
    if (!secret_read(connection, "passphrase", &connection->passphrase, phrase, err))
        return false;
    *key = oci_key_parse(buf_text(pem), pem->size, buf_text(phrase), OCI_KEY_BITS_MIN, err);
    if (*key)
        return true;
    struct error why = err ? *err : (struct error){0};
    return error_set(err, why.kind, "connection '%s': the private key %s %s", connection->name,
                     key_place(connection), why.message);
}

/* A key and the fingerprint of another one would only be met as an unexplained 401. */
static bool check_fingerprint(const struct connection *connection, const struct oci_key *key,
                              struct error *err)
{
    if (!connection->fingerprint || !connection->fingerprint[0])
        return error_set(err, ERROR_INVALID,
                         "connection '%s' sets no \"fingerprint\"; its key has %s",
                         connection->name, oci_key_fingerprint(key));
    if (strcasecmp(connection->fingerprint, oci_key_fingerprint(key)) == 0)
        return true;
    return error_set(err, ERROR_INVALID,
                     "connection '%s': fingerprint %.80s is not that of %s, which has %s; correct "
                     "\"fingerprint\" or \"private_key\"",
                     connection->name, connection->fingerprint, key_place(connection),
                     oci_key_fingerprint(key));
}

static void wipe(struct buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->capacity);
    buf_release(buf);
}

static struct oci_key *load(const struct connection *connection, struct error *err)
{
    struct oci_key *key = NULL;
    struct buf pem, phrase;
    buf_init(&pem, OCI_KEY_FILE_SIZE_MAX);
    buf_init(&phrase, SECRET_SIZE_MAX);
    bool ok = read_key(connection, &pem, &phrase, &key, err) &&
              check_fingerprint(connection, key, err);
    wipe(&pem);
    wipe(&phrase);
    if (ok)
        return key;
    oci_key_free(key);
    return NULL;
}

/* Called with the lock. Takes ownership of identity. */
static const struct oci_key *add(struct oci_keys *keys, const struct connection *connection,
                                 char *identity, const struct file_stamp *stamp, struct error *err)
{
    struct entry *entry = calloc(1, sizeof *entry);
    struct oci_key *key = entry ? load(connection, err) : NULL;
    if (!key) {
        if (!entry)
            error_set(err, ERROR_LIMIT, "out of memory");
        free(identity);
        free(entry);
        return NULL;
    }
    *entry = (struct entry){
        .next = keys->entries, .key = key, .identity = identity, .stamp = *stamp};
    keys->entries = entry;
    return key;
}

/* A file that is gone for the moment changes nothing: what was read from it stays in force. */
static bool is_current(const struct entry *entry, const struct file_stamp *stamp)
{
    static const struct file_stamp gone = {0};
    return file_stamp_same(&entry->stamp, stamp) || file_stamp_same(&gone, stamp);
}

const struct oci_key *oci_keys_get(struct oci_keys *keys, const struct connection *connection,
                                   struct error *err)
{
    char *identity = identity_of(connection);
    if (!identity) {
        error_set(err, ERROR_LIMIT, "connection '%s': out of memory", connection->name);
        return NULL;
    }
    const struct file_stamp stamp = stamp_of(connection);
    pthread_mutex_lock(&keys->lock);
    const struct oci_key *found = NULL;
    for (struct entry *entry = keys->entries; entry && !found; entry = entry->next)
        if (strcmp(entry->identity, identity) == 0 && is_current(entry, &stamp))
            found = entry->key;
    if (found)
        free(identity);
    else
        found = add(keys, connection, identity, &stamp, err);
    pthread_mutex_unlock(&keys->lock);
    return found;
}
