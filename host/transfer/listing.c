/* SPDX-License-Identifier: MIT */
/* Listings and file references as data: adding, comparing two looks, copying, releasing. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/content_server.h"
#include "transfer/listing.h"
#include "transfer/remote_name.h"

void remote_listing_release(struct remote_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->entries[i].name);
    free(listing->entries);
    *listing = (struct remote_listing){0};
}

/* What a file owns. */
static const size_t file_texts[] = {
    offsetof(struct remote_file, place),  offsetof(struct remote_file, folder),
    offsetof(struct remote_file, name),   offsetof(struct remote_file, etag),
    offsetof(struct remote_file, digest), offsetof(struct remote_file, filters),
};
#define FILE_TEXTS (sizeof file_texts / sizeof file_texts[0])

_Static_assert(sizeof(struct remote_file) == sizeof(struct connection *) + sizeof(struct remote_stream *) +
                                                 FILE_TEXTS * sizeof(char *) +
                                                 sizeof(struct sluice_file_info),
               "a new member: a text that the file owns belongs to file_texts, others are copied as they are");

static char **text_of(struct remote_file *file, size_t index)
{
    return (char **)(void *)((char *)file + file_texts[index]);
}

void remote_file_release(struct remote_file *file)
{
    for (size_t i = 0; i < FILE_TEXTS; i++)
        free(*text_of(file, i));
    *file = (struct remote_file){0};
}

bool remote_file_copy(const struct remote_file *file, struct remote_file *out)
{
    bool ok = true;
    *out = *file;
    for (size_t i = 0; i < FILE_TEXTS; i++) {
        char **text = text_of(out, i);
        bool has_one = *text != NULL;
        *text = has_one && ok ? strdup(*text) : NULL;
        ok = ok && (*text || !has_one);
    }
    if (!ok)
        remote_file_release(out);
    return ok;
}

/* The array grows at every power of two, so that the count alone tells its capacity. */
static bool listing_has_room(struct remote_listing *listing)
{
    size_t count = listing->count;
    if ((count & (count - 1)) != 0)
        return true;
    void *grown = realloc(listing->entries, (count ? count * 2 : 1) * sizeof *listing->entries);
    if (grown)
        listing->entries = grown;
    return grown != NULL;
}

void listing_note_unparsed(struct remote_listing *listing, const char *bytes, size_t size)
{
    if (listing->unparsed++ > 0)
        return;
    if (size >= sizeof listing->strange)
        size = sizeof listing->strange - 1;
    for (size_t i = 0; i < size; i++)
        listing->strange[i] = bytes[i] >= 0x20 && bytes[i] < 0x7F ? bytes[i] : '?';
    listing->strange[size] = '\0';
}

static int compare_entries(const void *a, const void *b)
{
    const struct remote_entry *left = a, *right = b;
    return strcmp(left->name, right->name); /* as unsigned bytes */
}

static void listing_sort(struct remote_listing *listing)
{
    if (listing->count > 1)
        qsort(listing->entries, listing->count, sizeof *listing->entries, compare_entries);
}

const struct remote_entry *remote_listing_find(const struct remote_listing *listing, const char *name)
{
    const struct remote_entry wanted = {.name = (char *)name}; /* only read */
    return listing->count == 0 ? NULL
                               : bsearch(&wanted, listing->entries, listing->count,
                                         sizeof *listing->entries, compare_entries);
}

void listing_finish(struct remote_listing *listing)
{
    listing_sort(listing);
    while (listing->count > LISTING_ENTRIES_KEPT)
        free(listing->entries[--listing->count].name);
}

bool listing_add(struct remote_listing *listing, const char *name, size_t size,
                 const struct sluice_file_info *info, struct error *err)
{
    if (listing->count >= 2 * LISTING_ENTRIES_KEPT)
        listing_finish(listing);
    char *copy = strndup(name, size); /* ends at a NUL byte; such a name is flagged anyway */
    if (!copy || !listing_has_room(listing)) {
        free(copy);
        return error_set(err, ERROR_INTERNAL, "out of memory for a listing");
    }
    struct remote_entry *entry = &listing->entries[listing->count++];
    *entry = (struct remote_entry){.name = copy, .info = *info};
    if (name_fault(name, size))
        entry->info.flags |= SLUICE_FILE_UNSAFE;
    return true;
}

void listing_flag_larger(struct remote_listing *listing, uint64_t size_max)
{
    for (size_t i = 0; i < listing->count && size_max; i++)
        if (listing->entries[i].info.size > size_max)
            listing->entries[i].info.flags |= SLUICE_FILE_TOO_LARGE;
}

void listing_flag_growing(const struct remote_listing *before, struct remote_listing *now)
{
    size_t old = 0;
    for (size_t i = 0; i < now->count; i++) {
        struct remote_entry *entry = &now->entries[i];
        while (old < before->count && strcmp(before->entries[old].name, entry->name) < 0)
            old++;
        const struct remote_entry *known = old < before->count ? &before->entries[old] : NULL;
        bool is_same = known && strcmp(known->name, entry->name) == 0 &&
                       known->info.size == entry->info.size &&
                       known->info.modified_s == entry->info.modified_s;
        if (!is_same)
            entry->info.flags |= SLUICE_FILE_GROWING;
    }
}
