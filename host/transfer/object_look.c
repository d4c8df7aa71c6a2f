/* SPDX-License-Identifier: MIT */
/* Whether an object is there, where something is concluded from its absence; see object_http.h. */
#include <string.h>

#include "transfer/object_http.h"
#include "transfer/object_listing.h"

static bool is_listed(const struct remote_listing *listing, const char *name)
{
    for (size_t i = 0; i < listing->count; i++)
        if (strcmp(listing->entries[i].name, name) == 0)
            return true;
    return false;
}

/* Of all names that begin with it, the name itself comes first. */
static bool append_query(const struct connection *connection, const char *folder, const char *name,
                         struct buf *path, struct error *err)
{
    if (!object_append_bucket(connection, folder, path, err))
        return false;
    buf_append_text(path, "/o?limit=1&fields=name%2Csize&prefix=");
    buf_append_percent(path, name);
    return !path->failed || connection_error(connection, err, ERROR_LIMIT, "the name is too long");
}

static bool read_page(const struct connection *connection, const char *folder,
                      const struct http_response *response, struct remote_listing *listing,
                      struct error *err)
{
    char subject[OBJECT_SUBJECT_SIZE];
    struct error why = {0};
    struct buf next;
    if (response->status != 200)
        return object_refuse(connection, response, object_subject(folder, "", subject), err);
    buf_init(&next, OBJECT_NAME_SIZE_MAX);
    bool ok = object_listing_append(buf_text(&response->body), response->body.size, listing, &next,
                                    &why) ||
              connection_error(connection, err, why.kind, "bucket '%s': %s", folder, why.message);
    /* A page may be empty and not the last; what is not understood may be it. */
    listing->is_unproven = listing->count == 0 && (next.size > 0 || listing->unparsed > 0);
    buf_release(&next);
    return ok;
}

/* True: the bucket was seen without the object. */
static bool is_absent(struct transfer *transfer, const struct connection *connection,
                      const struct transfer_call *call, const char *folder, const char *name,
                      struct error *err)
{
    struct buf path;
    struct http_response response = {0};
    struct remote_listing listing = {.entries = NULL};
    buf_init(&path, HTTP_TARGET_SIZE_MAX);
    bool ok = append_query(connection, folder, name, &path, err);
    const struct object_request request = {.method = "GET", .path = buf_text(&path)};
    ok = ok && object_call(transfer, connection, call, &request, &response, NULL, err) &&
         read_page(connection, folder, &response, &listing, err);
    if (ok && is_listed(&listing, name))
        ok = connection_error(connection, err, ERROR_UNAVAILABLE,
                              "object '%s' is listed in '%s', but cannot be looked at", name, folder);
    else if (ok && listing.is_unproven)
        ok = connection_error(connection, err, ERROR_UNAVAILABLE,
                              "what the listing of '%s' says tells nothing of '%s'", folder, name);
    remote_listing_release(&listing);
    http_response_release(&response);
    buf_release(&path);
    return ok;
}

bool object_look(struct transfer *transfer, const struct connection *connection,
                 const struct transfer_call *call, const char *folder, const char *name,
                 struct object_facts *facts, struct error *err)
{
    struct error why = {0};
    if (object_head(transfer, connection, call, folder, name, facts, &why))
        return true;
    const struct error missing = why;
    if (why.kind == ERROR_NOT_FOUND && is_absent(transfer, connection, call, folder, name, &why))
        why = missing;
    else if (why.kind == ERROR_NOT_FOUND)
        why.kind = ERROR_UNAVAILABLE; /* the bucket: that says nothing of the object */
    *err = why;
    return false;
}
