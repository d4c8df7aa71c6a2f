/* SPDX-License-Identifier: MIT */
/* See others.h. Every file's bytes begin with its version's number, so no two are the same. */
#include "others.h"

#include <stdio.h>
#include <string.h>

#include "ledger.h"

#define LARGE_SIZE (1100u << 10) /* beyond what the pump reads before it writes */
#define HOUR_NS (3600 * NS_PER_S)
#define YEAR_NS (365 * 24 * HOUR_NS)

/* ---- CCS writes ------------------------------------------------------------------------------ */

static uint32_t draw_size(void)
{
    uint32_t part = world->plan.part_size;
    if (mishap_happens(MISHAP_SOURCE_EMPTY, 120))
        return 0;
    if (world->plan.has_large_file && draw_chance(300))
        return LARGE_SIZE + (uint32_t)draw_below(1000);
    switch (draw_below(6)) {
    case 0:
        return part;
    case 1:
        return part + 1;
    case 2:
        return 2 * part - 1;
    case 3:
        return (uint32_t)draw_between(1, 60);
    default:
        return (uint32_t)draw_between(60, 3 * part);
    }
}

/* Two empty versions of a name nobody could tell apart. */
static bool was_empty_before(const char *name)
{
    for (unsigned i = 0; i < world->extract_count; i++)
        if (world->extracts[i].body.size == 0 && strcmp(world->extracts[i].name, name) == 0)
            return true;
    return false;
}

static void fill(struct extract *extract, uint32_t size)
{
    char head[NAME_SIZE + 32], chunk[64];
    int length = snprintf(head, sizeof head, "%u of %s\n",
                          (unsigned)(extract - world->extracts), extract->name);
    extract->body = body_new(size);
    body_append(&extract->body, head, (uint32_t)length < size ? (uint32_t)length : size);
    for (size_t i = 0; i < sizeof chunk; i += 8) {
        uint64_t bits = draw_bits();
        memcpy(chunk + i, &bits, 8);
    }
    while (extract->body.size < size) {
        uint32_t left = size - extract->body.size;
        body_append(&extract->body, chunk, left < sizeof chunk ? left : sizeof chunk);
    }
}

/* A slow writer adds something at least twice within the pause between the host's two looks: one that
 * rests longer cannot be told from one that is done. */
static void begin_growth(struct extract *extract, uint32_t size, const struct file *before)
{
    extract->visible = (uint32_t)draw_below(size);
    if (before && extract->visible == before->body.size) /* it would look as if nothing had happened */
        extract->visible = extract->visible ? extract->visible - 1 : 1;
    extract->growth_ns = (int64_t)world->plan.settle_ms * NS_PER_MS / 2 -
                         (int64_t)draw_below(100) * NS_PER_MS;
    extract->grows_at_ns = world->now_ns + extract->growth_ns;
    world->growing_count++;
}

static void show(struct file *file, const struct extract *extract)
{
    file->body = extract->body;
    file->body.size = extract->visible;
    file->extract = (int)(extract - world->extracts);
    file_digest(file);
}

/* What is written under name now; a file that is there is replaced. */
static void write_extract(enum place_id place, const char *name, bool is_refused)
{
    if (world->extract_count == EXTRACTS_MAX)
        return;
    struct file *file = file_find(place, name);
    struct extract *extract = &world->extracts[world->extract_count];
    uint32_t size = draw_size();
    *extract = (struct extract){.place = place, .is_refused = is_refused};
    snprintf(extract->name, sizeof extract->name, "%s", name);
    fill(extract, size == 0 && was_empty_before(name) ? 1 : size);
    world->extract_count++;
    extract->visible = extract->body.size;
    bool is_bucket = world->places[place].is_bucket;
    if (!is_bucket && extract->body.size > 1 && mishap_happens(MISHAP_SOURCE_GROWS, 250))
        begin_growth(extract, extract->body.size, file);
    extract->is_whole = extract->visible == extract->body.size;
    int64_t modified_s = world_wall_s();
    if (file) {
        ledger_gone(file);
        if (modified_s <= file->modified_s) /* what the host can tell a new version by */
            modified_s = file->modified_s + 1;
    } else {
        file = file_new(place, name, OWNER_PRODUCER);
    }
    file->modified_s = modified_s;
    show(file, extract);
    trace("CCS writes %s '%s', version %d, %u of %u bytes", place_name(place), name, file->extract,
          extract->visible, extract->body.size);
}

/* The server's process is still there, or its file is: it gets the rest. */
static void write_late(void)
{
    struct late_write *late = &world->late;
    if (late->due_ns == 0 || late->due_ns > world->now_ns)
        return;
    struct file *file = file_find(late->place, late->name);
    if (file)
        body_append(&file->body, body_bytes(&late->rest), late->rest.size);
    late->due_ns = 0;
    trace("the rest of '%s' arrives late", late->name);
}

void others_grow_files(void)
{
    write_late();
    for (unsigned i = 0; world->growing_count > 0 && i < world->extract_count; i++) {
        struct extract *extract = &world->extracts[i];
        if (extract->is_whole || extract->grows_at_ns > world->now_ns)
            continue;
        uint32_t left = extract->body.size - extract->visible;
        extract->visible += left < 3 ? left : (uint32_t)draw_between(1, left);
        extract->grows_at_ns = world->now_ns + extract->growth_ns;
        extract->is_whole = extract->visible == extract->body.size;
        world->growing_count -= extract->is_whole;
        struct file *file = file_find(extract->place, extract->name);
        if (file && file->extract == (int)i) {
            file->modified_s = world_wall_s() > file->modified_s ? world_wall_s() : file->modified_s;
            show(file, extract);
        }
        trace("'%s', version %u, has %u of %u bytes", extract->name, i, extract->visible,
              extract->body.size);
    }
}

static const char *draw_name(enum place_id place, char name[static NAME_SIZE], bool *is_refused)
{
    static const char *const tails[] = {"A.csv",    "B.csv.zip", "two words.csv", "\xC3\x9C.csv",
                                        "100%.csv", "a;b.csv",   "'q'.csv",       "#1+&=?.csv",
                                        "end. ",    "\"x\".csv", "..csv",         "[*].csv"};
    const char *prefix = world->plan.prefix;
    char side = place == PLACE_CCS_FTP ? 'f' : 'o';
    *is_refused = true;
    if (mishap_happens(MISHAP_SOURCE_UNSAFE, 40)) {
        snprintf(name, NAME_SIZE, draw_chance(500) ? "%s%cback\\slash" : "%s%cbell\a.csv", prefix,
                 side);
    } else if (mishap_happens(MISHAP_SOURCE_LONG, 40)) {
        snprintf(name, NAME_SIZE, "%s%c%0*d", prefix, side, 252 - (int)strlen(prefix) - 1, 7);
        *is_refused = !world->places[place].is_bucket;
    } else if (mishap_happens(MISHAP_SOURCE_MARKED, 40)) {
        snprintf(name, NAME_SIZE, "SENT-%s%cold.csv", prefix, side);
    } else {
        snprintf(name, NAME_SIZE, "%s%c%s", prefix, side,
                 tails[draw_below(sizeof tails / sizeof tails[0])]);
        *is_refused = false;
    }
    return name;
}

/* Bucket names hold no control bytes and are at most 1,024 bytes long: nothing there is unsafe but what
 * would be a path at the target. */
void others_produce(enum place_id place)
{
    char name[NAME_SIZE];
    bool is_refused;
    draw_name(place, name, &is_refused);
    if (file_find(place, name) || (world->places[place].is_bucket && strchr(name, '\a')))
        return;
    write_extract(place, name, is_refused);
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* A file at place for which is_wanted holds; NULL: none. */
static struct file *draw_file(enum place_id place, bool (*is_wanted)(const struct file *))
{
    struct file *found[FILES_MAX];
    unsigned count = 0;
    struct file *files = world->places[place].files;
    for (int i = 0; i < FILES_MAX; i++)
        if (files[i].exists && is_wanted(&files[i]))
            found[count++] = &files[i];
    return count ? found[draw_below(count)] : NULL;
}

static bool is_unmarked(const struct file *file)
{
    return file->owner == OWNER_PRODUCER && file->extract >= 0 &&
           world->extracts[file->extract].marked == 0 && !file->is_awaited &&
           !world->extracts[file->extract].is_refused;
}

static bool is_delivered(const struct file *file)
{
    return file->owner == OWNER_HOST && !name_is_temporary(file->name);
}

static bool is_foreign(const struct file *file)
{
    return file->owner == OWNER_FOREIGN;
}

static enum place_id draw_source(void)
{
    return draw_chance(500) ? PLACE_CCS_FTP : PLACE_CCS_BUCKET;
}

static enum place_id draw_target(void)
{
    return world->plan.target_is_bucket ? PLACE_DACS_BUCKET : PLACE_DACS_FTP;
}

/* ---- acts ------------------------------------------------------------------------------------ */

static void replace_source(void)
{
    struct file *file = draw_file(draw_source(), is_unmarked);
    if (!file || !world->extracts[file->extract].is_whole ||
        !mishap_happens(MISHAP_SOURCE_REPLACED, 400))
        return;
    char name[NAME_SIZE];
    memcpy(name, file->name, sizeof name);
    write_extract(world->extracts[file->extract].place, name, false);
}

static void remove_source(void)
{
    struct file *file = draw_file(draw_source(), is_unmarked);
    if (!file || !mishap_happens(MISHAP_SOURCE_VANISHES, 150))
        return;
    ledger_gone(file);
    file->exists = false;
    trace("CCS removes '%s'", file->name);
}

static void write_foreign(enum place_id place, const char *name)
{
    if (file_find(place, name) || strcmp(world->places[place].awaited, name) == 0)
        return;
    static const char words[] = "somebody else's";
    struct file *file = file_new(place, name, OWNER_FOREIGN);
    file->body = body_new(sizeof words);
    body_append(&file->body, words, (uint32_t)draw_between(1, sizeof words - 1));
    file_digest(file);
    trace("a stranger writes %s '%s'", place_name(place), name);
}

static void take_target_name(void)
{
    struct file *file = draw_file(draw_source(), is_unmarked);
    if (file && mishap_happens(MISHAP_TARGET_TAKEN, 200))
        write_foreign(draw_target(), file->name);
}

static void take_mark_name(void)
{
    enum place_id place = draw_source();
    struct file *file = draw_file(place, is_unmarked);
    char name[NAME_SIZE + 5];
    if (!file || !mishap_happens(MISHAP_MARK_TAKEN, 200))
        return;
    snprintf(name, sizeof name, "SENT-%s", file->name);
    if (strlen(name) < NAME_SIZE)
        write_foreign(place, name);
}

static void take_delivered(struct file *file)
{
    ledger_taken(file);
    file->exists = false;
    trace("DACS takes '%s'", file->name);
}

static void consume(void)
{
    struct file *file = draw_file(draw_target(), is_delivered);
    if (file && mishap_happens(MISHAP_CONSUMER_TAKES, 700))
        take_delivered(file);
}

static void set_clock(void)
{
    if (mishap_happens(MISHAP_CLOCK_FORWARD, 100))
        world->skew_ns += (int64_t)draw_between(1, 7200) * NS_PER_S;
    else if (mishap_happens(MISHAP_CLOCK_BACK, 100))
        world->skew_ns -= (int64_t)draw_between(1, 7200) * NS_PER_S;
    else if (draw_chance(300))
        world->skew_ns = 0;
    if (world->skew_ns > 12 * HOUR_NS || world->skew_ns < -12 * HOUR_NS)
        world->skew_ns = 0;
    if (mishap_happens(MISHAP_CLOCK_YEARS, 200)) /* until the clock is set again */
        world->skew_ns = (draw_later_chance(500) ? 2 : -2) * YEAR_NS;
}

static void produce(void)
{
    others_produce(draw_source());
}

void others_act(void)
{
    static void (*const acts[])(void) = {produce,          replace_source, remove_source, consume,
                                         take_target_name, take_mark_name, set_clock,     consume};
    if (!world->is_calm && draw_chance(world->plan.event_permille))
        acts[draw_below(sizeof acts / sizeof acts[0])]();
}

void others_read_log(const char *line)
{
    char name[NAME_SIZE];
    if (!strstr(line, "remove it there if it exists") || sscanf(line, "'%159[^']' stays in", name) != 1)
        return;
    for (int i = 0; i < PLACE_COUNT; i++) {
        struct file *file = file_find((enum place_id)i, name);
        if (!file || !name_is_temporary(name))
            continue;
        trace("'%s' is removed, as the log asks for", name);
        file->exists = false;
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

void others_take_all(void)
{
    struct file *file;
    for (int i = 0; i < PLACE_COUNT; i++)
        while ((file = draw_file((enum place_id)i, is_delivered)) != NULL)
            take_delivered(file);
}

/* What is in the way of a run that shall find nothing in its way. */
static bool is_in_the_way(const struct file *file)
{
    return is_foreign(file) || (file->extract >= 0 && strncmp(file->name, "SENT-", 5) == 0);
}

void others_settle(void)
{
    struct file *file;
    world->skew_ns = 0;
    while (world->growing_count > 0)
        world_pass(NS_PER_S);
    for (int i = 0; i < PLACE_COUNT; i++) {
        world->plan.ftp[i].is_full = false;
        while ((file = draw_file((enum place_id)i, is_in_the_way)) != NULL) {
            trace("'%s' is put away", file->name);
            file->exists = false;
        }
    }
    others_take_all();
}
