/* SPDX-License-Identifier: MIT */
/* STOR of the simulated libcurl's FTP, and all that can go wrong on the way. */
#include <string.h>

#include "curl_ftp.h"
#include "schedule.h"

static const enum mishap refusals[] = {MISHAP_FTP_421, MISHAP_FTP_425, MISHAP_FTP_450,
                                       MISHAP_FTP_451, MISHAP_FTP_452, MISHAP_FTP_550,
                                       MISHAP_FTP_552, MISHAP_FTP_553, MISHAP_NONE};
static const enum mishap breaks[] = {MISHAP_DATA_RESET,       MISHAP_SHORT_BODY,
                                     MISHAP_FTP_426,          MISHAP_FTP_451,
                                     MISHAP_FTP_452,          MISHAP_FTP_552,
                                     MISHAP_FTP_CONTROL_LOST, MISHAP_FTP_LATE_WRITER,
                                     MISHAP_FTP_WHOLE_451,    MISHAP_FTP_TARGET_FULL,
                                     MISHAP_NONE};

struct store {
    struct ftp *ftp;
    char name[NAME_SIZE];
    enum mishap mishap;
    uint64_t ends_at;     /* the server keeps no byte behind this one */
    uint64_t received;
    struct body late;     /* what it gets when the control connection is gone */
};

/* A full disk stays full for others, too, until somebody makes room. */
static bool is_full(struct store *store)
{
    struct flavour *flavour = &world->plan.ftp[store->ftp->place];
    if (store->mishap == MISHAP_FTP_TARGET_FULL)
        flavour->is_full = true;
    else if (flavour->is_full && (world->is_calm || draw_chance(300)))
        flavour->is_full = false;
    return flavour->is_full;
}

static void keep(struct store *store, const char *bytes, size_t size)
{
    struct file *file = file_find(store->ftp->place, store->name);
    size_t room = store->received < store->ends_at ? (size_t)(store->ends_at - store->received) : 0;
    size_t kept = size < room ? size : room;
    store->received += size;
    if (!file)
        return; /* somebody deleted it meanwhile */
    body_append(&file->body, bytes, (uint32_t)kept);
    file->modified_s = world_wall_s();
    if (store->mishap == MISHAP_FTP_LATE_WRITER)
        body_append(&store->late, bytes + kept, (uint32_t)(size - kept));
}

/* The bytes, until they end or the server stops taking them. */
static CURLcode receive(struct store *store)
{
    char chunk[CHUNK_SIZE];
    size_t size = 0;
    const bool breaks_off = store->mishap == MISHAP_DATA_RESET;
    for (;;) {
        CURLcode code = easy_step(store->ftp->easy);
        if (code == CURLE_OK)
            code = easy_take(store->ftp->easy, chunk, sizeof chunk, &size);
        if (code != CURLE_OK || size == 0)
            return code;
        effect_begins("data of STOR");
        keep(store, chunk, size);
        effect_happened();
        if (breaks_off && store->received > store->ends_at)
            return easy_fail(store->ftp->easy, CURLE_SEND_ERROR, "Send failure: Broken pipe");
    }
}

/* What the server says in the end, and does. */
static CURLcode answer(struct store *store)
{
    struct ftp *ftp = store->ftp;
    const char *text = "Transfer complete";
    int reply = ftp->flavour->says_250 ? 250 : 226;
    switch (store->mishap) {
    case MISHAP_DATA_RESET:
        easy_disconnect(ftp->easy);
        return easy_fail(ftp->easy, CURLE_SEND_ERROR, "Send failure: Connection reset by peer");
    case MISHAP_FTP_LATE_WRITER:
        ftp_write_later(ftp->place, store->name, &store->late);
        return ftp_lose_control(ftp);
    case MISHAP_FTP_CONTROL_LOST:
        return ftp_lose_control(ftp);
    case MISHAP_FTP_WHOLE_451:
        return ftp_conclude(ftp, 451, "Error during write to file");
    case MISHAP_FTP_TARGET_FULL:
        return ftp_conclude(ftp, ftp->flavour->disk_full_code, "No space left on device");
    default:
        break;
    }
    int refusal = ftp_code_of(store->mishap, &text);
    return ftp_conclude(ftp, refusal ? refusal : reply, text);
}

/* Mishaps that leave only a part of the file at the server. */
static bool keeps_a_part(enum mishap mishap)
{
    return mishap != MISHAP_NONE && mishap != MISHAP_FTP_WHOLE_451 &&
           mishap != MISHAP_FTP_CONTROL_LOST;
}

CURLcode ftp_store(struct ftp *ftp)
{
    bool refused;
    struct store store = {.ftp = ftp, .ends_at = UINT64_MAX};
    const bool is_made = mishap_happens_often(MISHAP_FTP_425_MADE);
    CURLcode code = ftp_begin_transfer(ftp, "STOR", ftp->file, !is_made, 425, refusals, &refused);
    if (code != CURLE_OK)
        return code;
    if (is_made && ftp->code == 425)
        ftp_store_begins(ftp->session, ftp->file);
    if (refused)
        return easy_fail(ftp->easy, CURLE_UPLOAD_FAILED, "Failed FTP upload: %0d", ftp->code);
    effect_begins("STOR");
    struct file *file = ftp_store_begins(ftp->session, ftp->file);
    effect_happened();
    snprintf(store.name, sizeof store.name, "%s", file->name);
    store.mishap = mishap_draw_often(breaks);
    if (is_full(&store))
        store.mishap = MISHAP_FTP_TARGET_FULL;
    if (keeps_a_part(store.mishap))
        store.ends_at = draw_below(ftp->easy->send_size > 0 ? (uint64_t)ftp->easy->send_size + 1 : 1);
    code = receive(&store);
    return code == CURLE_OK ? answer(&store) : code;
}
