/* SPDX-License-Identifier: MIT */
/* Fetching a secret at the moment of use; see connection.h. No error text repeats a value. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "workspace/connection.h"

static const char *credentials_folder(void)
{
    const char *folder = getenv(CREDENTIALS_DIRECTORY);
    return folder && *folder ? folder : "$" CREDENTIALS_DIRECTORY;
}

char *credential_path(const char *name)
{
    return file_join(credentials_folder(), name);
}

const char *credential_of(const char *path)
{
    const char *folder = credentials_folder();
    size_t size = strlen(folder);
    bool is_below = strncmp(path, folder, size) == 0 && path[size] == '/';
    return is_below && path[size + 1] && !strchr(path + size + 1, '/') ? path + size + 1 : NULL;
}

static bool read_env(const struct connection *connection, const char *field, const char *name,
                     struct buf *out, struct error *err)
{
    const char *value = getenv(name);
    if (!value)
        return error_set(err, ERROR_INVALID,
                         "connection '%s': %s: environment variable %s is not set",
                         connection->name, field, name);
    if (!*value)
        return error_set(err, ERROR_INVALID, "connection '%s': %s: environment variable %s is empty",
                         connection->name, field, name);
    if (strlen(value) > SECRET_SIZE_MAX)
        return error_set(err, ERROR_INVALID,
                         "connection '%s': %s: environment variable %s is longer than %d bytes",
                         connection->name, field, name, SECRET_SIZE_MAX);
    buf_append_text(out, value);
    return !out->failed || error_set(err, ERROR_LIMIT, "out of memory");
}

static size_t without_newline(const char *text, size_t size)
{
    if (size > 0 && text[size - 1] == '\n')
        size--;
    return size > 0 && text[size - 1] == '\r' ? size - 1 : size;
}

static bool take_file(const struct connection *connection, const char *field, const char *path,
                      struct buf *text, struct buf *out, struct error *err)
{
    if (!file_read(path, text, err)) {
        if (err)
            err->kind = ERROR_INVALID; /* "not found" or "denied" would sound like the peer's */
        return error_context(err, "connection '%s': %s", connection->name, field);
    }
    size_t size = without_newline(buf_text(text), text->size);
    if (size == 0)
        return error_set(err, ERROR_INVALID, "connection '%s': %s: file '%s' is empty",
                         connection->name, field, path);
    if (size > SECRET_SIZE_MAX)
        return error_set(err, ERROR_INVALID, "connection '%s': %s: file '%s' is larger than %d bytes",
                         connection->name, field, path, SECRET_SIZE_MAX);
    if (memchr(text->data, '\0', size))
        return error_set(err, ERROR_INVALID, "connection '%s': %s: file '%s' holds a NUL byte",
                         connection->name, field, path);
    buf_append(out, text->data, size);
    return !out->failed || error_set(err, ERROR_LIMIT, "out of memory");
}

bool secret_read(const struct connection *connection, const char *field,
                 const struct secret *secret, struct buf *out, struct error *err)
{
    if (secret->env)
        return read_env(connection, field, secret->env, out, err);
    if (!secret->file)
        return true;
    struct buf text;
    buf_init(&text, SECRET_SIZE_MAX + 2); /* one newline more */
    bool ok = take_file(connection, field, secret->file, &text, out, err);
    if (text.data)
        explicit_bzero(text.data, text.size);
    buf_release(&text);
    return ok;
}
