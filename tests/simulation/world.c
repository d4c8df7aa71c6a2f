/* SPDX-License-Identifier: MIT */
/* The world's memory, chance, time, trace, and the files in it; see world.h. */
#include "world.h"

#include <bearssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "others.h"

struct world *world;

bool world_map(void)
{
    void *memory = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    world = memory;
    sem_init(&world->parent, 1, 0);
    for (int i = 0; i < HOSTS_MAX; i++)
        sem_init(&world->turns[i], 1, 0);
    return true;
}

void world_begin(uint64_t seed)
{
    const size_t begin = offsetof(struct world, plan), end = offsetof(struct world, bytes);
    memset((char *)world + begin, 0, end - begin);
    world->chance = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    world->later_chance = seed * UINT64_C(0xD1342543DE82EF95) + 1;
    world->digest = UINT64_C(14695981039346656037);
    world->now_ns = 1000 * NS_PER_S;
    world->next_id = 1;
    for (int i = 0; i < PLACE_COUNT; i++)
        world->places[i].is_bucket =
            i % PLACE_SPARE == PLACE_CCS_BUCKET || i % PLACE_SPARE == PLACE_DACS_BUCKET;
    world->plan.seed = seed;
}

/* ---- chance ---------------------------------------------------------------------------------- */

/* splitmix64 */
static uint64_t draw_from(uint64_t *chance)
{
    uint64_t z = *chance += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t draw_bits(void)
{
    return draw_from(&world->chance);
}

uint64_t draw_below(uint64_t limit)
{
    return draw_bits() % limit;
}

uint64_t draw_between(uint64_t least, uint64_t most)
{
    return least + draw_below(most - least + 1);
}

bool draw_chance(unsigned permille)
{
    return permille > 0 && draw_below(1000) < permille;
}

bool draw_later_chance(unsigned permille)
{
    return draw_from(&world->later_chance) % 1000 < permille;
}

/* ---- time ------------------------------------------------------------------------------------ */

int64_t world_wall_ns(void)
{
    return WORLD_EPOCH_S * NS_PER_S + world->now_ns;
}

int64_t world_wall_s(void)
{
    return world_wall_ns() / NS_PER_S;
}

void world_pass(int64_t duration_ns)
{
    world->now_ns += duration_ns;
    others_grow_files();
}

/* ---- what happened --------------------------------------------------------------------------- */

static void add_to_digest(const char *text)
{
    for (; *text; text++)
        world->digest = (world->digest ^ (unsigned char)*text) * UINT64_C(1099511628211);
}

void trace(const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    world->steps++;
    add_to_digest(line);
    if (!world->is_tracing)
        return;
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < 0x20)
            *at = '?';
    fprintf(stderr, "%9.3f host %d  %s\n", (double)(world->now_ns / 1000) / 1e6, world->running,
            line);
}

void violation(const char *format, ...)
{
    char text[VIOLATION_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    trace("VIOLATION: %s", text);
    if (!world->violation[0])
        memcpy(world->violation, text, sizeof text);
}

void check_that(bool holds, const char *format, ...)
{
    char text[VIOLATION_SIZE];
    world->checks++;
    if (holds)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    violation("%s", text);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

struct body body_new(uint32_t capacity)
{
    struct body body = {.at = world->bytes_used, .capacity = capacity};
    if (capacity > WORLD_BYTES_SIZE - world->bytes_used) {
        violation("the simulation's own memory for bodies is full");
        return (struct body){.at = 0};
    }
    world->bytes_used += capacity;
    return body;
}

/* A body that outgrows its room moves behind the others. */
void body_append(struct body *body, const void *bytes, uint32_t size)
{
    if (size > body->capacity - body->size) {
        struct body larger = body_new((body->size + size) * 2);
        if (larger.capacity < body->size + size)
            return;
        memcpy(world->bytes + larger.at, world->bytes + body->at, body->size);
        larger.size = body->size;
        *body = larger;
    }
    memcpy(world->bytes + body->at + body->size, bytes, size);
    body->size += size;
}

const unsigned char *body_bytes(const struct body *body)
{
    return world->bytes + body->at;
}

bool body_is_same(const struct body *a, const struct body *b)
{
    return a->size == b->size && memcmp(body_bytes(a), body_bytes(b), a->size) == 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

const char *place_name(enum place_id place)
{
    static const char *const names[] = {
        [PLACE_CCS_FTP] = "ccs-ftp",
        [PLACE_CCS_BUCKET] = "ccs-bucket",
        [PLACE_DACS_FTP] = "dacs-ftp",
        [PLACE_DACS_BUCKET] = "dacs-bucket",
        [PLACE_SPARE + PLACE_CCS_FTP] = "spare ccs-ftp",
        [PLACE_SPARE + PLACE_CCS_BUCKET] = "spare ccs-bucket",
        [PLACE_SPARE + PLACE_DACS_FTP] = "spare dacs-ftp",
        [PLACE_SPARE + PLACE_DACS_BUCKET] = "spare dacs-bucket",
    };
    return names[place];
}

struct file *file_find(enum place_id place, const char *name)
{
    struct file *files = world->places[place].files;
    for (int i = 0; i < FILES_MAX; i++)
        if (files[i].exists && strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

struct file *file_new(enum place_id place, const char *name, enum owner owner)
{
    struct file *files = world->places[place].files;
    int i = 0;
    while (i < FILES_MAX - 1 && files[i].exists)
        i++;
    if (files[i].exists)
        violation("the simulation has no room for another file at %s", place_name(place));
    files[i] = (struct file){.exists = true, .owner = owner, .extract = -1};
    snprintf(files[i].name, sizeof files[i].name, "%s", name);
    files[i].modified_s = world_wall_s();
    files[i].etag = world->next_id++;
    return &files[i];
}

void file_digest(struct file *file)
{
    br_md5_context md5;
    br_md5_init(&md5);
    br_md5_update(&md5, body_bytes(&file->body), file->body.size);
    br_md5_out(&md5, file->md5);
    file->etag = world->next_id++;
}

bool name_is_temporary(const char *name)
{
    size_t size = strlen(name);
    return strncmp(name, "sluice-", 7) == 0 && size > 5 && strcmp(name + size - 5, ".part") == 0;
}

void place_is_awaited_no_more(enum place_id place)
{
    world->places[place].awaited[0] = '\0';
    for (int i = 0; i < FILES_MAX; i++)
        world->places[place].files[i].is_awaited = false;
}
