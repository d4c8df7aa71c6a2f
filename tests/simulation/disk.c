/* SPDX-License-Identifier: MIT */
/* A shim over SQLite's Unix file layer; see disk.h. */
#include "disk.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "schedule.h"
#include "world.h"

#define SECTOR_SIZE 512u
#define DISK_FILES_MAX 8
#define SECTORS_MAX 65536u /* of one file: 32 MiB */
#define DIRTY_MAX 32768u
#define PATH_SIZE 256
#define WRITE_NS (50 * 1000)
#define SYNC_NS (400 * 1000)
#define AWAY_PERMILLE 4 /* of the writes of a seed that has it */
#define AWAY_SHORT_NS (300 * NS_PER_MS)
#define AWAY_LONG_NS (15 * NS_PER_S)

/* A sector that was written since the last sync, as it is on the platter. */
struct dirty {
    unsigned file, sector;
    bool is_lost; /* a sync failed: no later one saves it unless it is written anew */
    unsigned char before[SECTOR_SIZE];
};

struct disk_file {
    char path[PATH_SIZE];
    unsigned failures; /* of syncs: whoever has the file open is told of each once, as by Linux */
    sqlite3_int64 synced_size;
    uint32_t dirty[SECTORS_MAX]; /* index + 1 in disk->dirty; 0: clean */
};

struct disk {
    struct disk_file files[DISK_FILES_MAX];
    unsigned file_count;
    struct dirty dirty[DIRTY_MAX];
    unsigned dirty_count;
};

static struct disk *disk;

struct shim_file {
    sqlite3_file base;
    int number; /* in disk->files; -1: not watched */
    unsigned failures_told;
    sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *real_vfs;

/* ---- what is unsynced ------------------------------------------------------------------------ */

static bool is_known_file(const char *path)
{
    for (unsigned i = 0; i < disk->file_count; i++)
        if (strcmp(disk->files[i].path, path) == 0)
            return true;
    return false;
}

static int number_of(const char *path)
{
    for (unsigned i = 0; i < disk->file_count; i++)
        if (strcmp(disk->files[i].path, path) == 0)
            return (int)i;
    if (disk->file_count == DISK_FILES_MAX || strlen(path) >= PATH_SIZE)
        return -1;
    struct disk_file *file = &disk->files[disk->file_count];
    snprintf(file->path, sizeof file->path, "%s", path);
    return (int)disk->file_count++;
}

static void keep_before(struct shim_file *shim, unsigned sector)
{
    struct disk_file *file = &disk->files[shim->number];
    if (sector >= SECTORS_MAX)
        return;
    if (file->dirty[sector])
        disk->dirty[file->dirty[sector] - 1].is_lost = false; /* written anew: the next sync saves it */
    if (file->dirty[sector] || disk->dirty_count == DIRTY_MAX)
        return;
    struct dirty *dirty = &disk->dirty[disk->dirty_count++];
    *dirty = (struct dirty){.file = (unsigned)shim->number, .sector = sector};
    file->dirty[sector] = disk->dirty_count;
    if ((sqlite3_int64)sector * SECTOR_SIZE < file->synced_size)
        shim->real->pMethods->xRead(shim->real, dirty->before, SECTOR_SIZE,
                                    (sqlite3_int64)sector * SECTOR_SIZE);
}

static void note_write(struct shim_file *shim, sqlite3_int64 at, sqlite3_int64 size)
{
    if (shim->number < 0)
        return;
    for (sqlite3_int64 i = at / SECTOR_SIZE; i * SECTOR_SIZE < at + size; i++)
        keep_before(shim, (unsigned)i);
}

enum forget { FORGET_SAVED, FORGET_ALL };

/* What is unsynced of one file, or with -1 of all, is so no more; FORGET_SAVED: but for what is lost. */
static void forget(int number, enum forget what)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < disk->dirty_count; i++) {
        struct dirty *dirty = &disk->dirty[i];
        uint32_t *index = &disk->files[dirty->file].dirty[dirty->sector];
        bool is_other = number >= 0 && dirty->file != (unsigned)number;
        if (is_other || (what == FORGET_SAVED && dirty->is_lost)) {
            disk->dirty[kept++] = *dirty;
            *index = kept;
        } else {
            *index = 0;
        }
    }
    disk->dirty_count = kept;
}

static void lose(int number)
{
    for (unsigned i = 0; i < disk->dirty_count; i++)
        disk->dirty[i].is_lost |= disk->dirty[i].file == (unsigned)number;
}

/* ---- a file ---------------------------------------------------------------------------------- */

static struct shim_file *shim_of(sqlite3_file *file)
{
    return (struct shim_file *)file;
}

static bool is_watched(const struct shim_file *shim)
{
    return shim->number >= 0;
}

/* A failure that this seed has in store for the disk. */
static bool fails(enum mishap mishap)
{
    return mishap_happens(mishap, world->plan.disk_permille);
}

/* Whoever writes: nothing more fits for a while, and then it does. */
static bool is_away(void)
{
    if (world->away_until_ns <= world->now_ns && mishap_happens(MISHAP_STORE_AWAY, AWAY_PERMILLE))
        world->away_until_ns =
            world->now_ns + (draw_later_chance(500) ? AWAY_SHORT_NS : AWAY_LONG_NS);
    return !world->is_calm && world->now_ns < world->away_until_ns;
}

static int shim_close(sqlite3_file *file)
{
    return shim_of(file)->real->pMethods->xClose(shim_of(file)->real);
}

static int shim_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    return shim_of(file)->real->pMethods->xRead(shim_of(file)->real, bytes, size, at);
}

static int shim_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    struct shim_file *shim = shim_of(file);
    if (!is_watched(shim))
        return shim->real->pMethods->xWrite(shim->real, bytes, size, at);
    effect_begins("write to the store");
    world->now_ns += WRITE_NS;
    if (fails(MISHAP_DISK_FULL) || is_away())
        return SQLITE_FULL;
    if (fails(MISHAP_WRITE_ERROR))
        return SQLITE_IOERR_WRITE;
    note_write(shim, at, size);
    int code = shim->real->pMethods->xWrite(shim->real, bytes, size, at);
    effect_happened();
    schedule_give_way_to_host();
    return code;
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct shim_file *shim = shim_of(file);
    sqlite3_int64 before = 0;
    if (is_watched(shim)) {
        effect_begins("truncation of the store");
        shim->real->pMethods->xFileSize(shim->real, &before);
        if (size < before)
            note_write(shim, size, before - size);
    }
    int code = shim->real->pMethods->xTruncate(shim->real, size);
    if (is_watched(shim))
        effect_happened();
    return code;
}

static int shim_sync(sqlite3_file *file, int flags)
{
    struct shim_file *shim = shim_of(file);
    if (!is_watched(shim))
        return shim->real->pMethods->xSync(shim->real, flags);
    effect_begins("sync of the store");
    world->now_ns += SYNC_NS;
    if (fails(MISHAP_FSYNC_FAILURE)) {
        lose(shim->number);
        disk->files[shim->number].failures++;
    }
    if (shim->failures_told != disk->files[shim->number].failures) {
        shim->failures_told = disk->files[shim->number].failures;
        return SQLITE_IOERR_FSYNC;
    }
    forget(shim->number, FORGET_SAVED);
    shim->real->pMethods->xFileSize(shim->real, &disk->files[shim->number].synced_size);
    effect_happened();
    schedule_give_way_to_host();
    return SQLITE_OK; /* memory needs no sync */
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return shim_of(file)->real->pMethods->xFileSize(shim_of(file)->real, size);
}

static int shim_lock(sqlite3_file *file, int level)
{
    return shim_of(file)->real->pMethods->xLock(shim_of(file)->real, level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
    return shim_of(file)->real->pMethods->xUnlock(shim_of(file)->real, level);
}

static int shim_check_reserved(sqlite3_file *file, int *is_reserved)
{
    return shim_of(file)->real->pMethods->xCheckReservedLock(shim_of(file)->real, is_reserved);
}

static int shim_control(sqlite3_file *file, int operation, void *argument)
{
    return shim_of(file)->real->pMethods->xFileControl(shim_of(file)->real, operation, argument);
}

/* What the disk promises: sectors of 512 bytes, and nothing beyond that. */
static int shim_sector_size(sqlite3_file *file)
{
    (void)file;
    return SECTOR_SIZE;
}

static int shim_characteristics(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static int shim_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return shim_of(file)->real->pMethods->xShmMap(shim_of(file)->real, page, size, extend, out);
}

/* Another program may hold what is wanted, whichever lock it is. */
static int shim_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    if ((flags & SQLITE_SHM_LOCK) && (flags & SQLITE_SHM_EXCLUSIVE) && fails(MISHAP_STORE_BUSY))
        return SQLITE_BUSY;
    return shim_of(file)->real->pMethods->xShmLock(shim_of(file)->real, offset, count, flags);
}

static void shim_shm_barrier(sqlite3_file *file)
{
    shim_of(file)->real->pMethods->xShmBarrier(shim_of(file)->real);
}

static int shim_shm_unmap(sqlite3_file *file, int must_delete)
{
    return shim_of(file)->real->pMethods->xShmUnmap(shim_of(file)->real, must_delete);
}

static const sqlite3_io_methods shim_methods = {
    .iVersion = 2,
    .xClose = shim_close,
    .xRead = shim_read,
    .xWrite = shim_write,
    .xTruncate = shim_truncate,
    .xSync = shim_sync,
    .xFileSize = shim_size,
    .xLock = shim_lock,
    .xUnlock = shim_unlock,
    .xCheckReservedLock = shim_check_reserved,
    .xFileControl = shim_control,
    .xSectorSize = shim_sector_size,
    .xDeviceCharacteristics = shim_characteristics,
    .xShmMap = shim_shm_map,
    .xShmLock = shim_shm_lock,
    .xShmBarrier = shim_shm_barrier,
    .xShmUnmap = shim_shm_unmap,
};

/* ---- the layer ------------------------------------------------------------------------------- */

#define WATCHED (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)

static int disk_open_file(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                          int *out_flags)
{
    (void)vfs;
    struct shim_file *shim = shim_of(file);
    *shim = (struct shim_file){.number = -1, .real = (sqlite3_file *)(shim + 1)};
    int code = real_vfs->xOpen(real_vfs, path, shim->real, flags, out_flags);
    if (shim->real->pMethods)
        shim->base.pMethods = &shim_methods;
    if (code != SQLITE_OK || !path || !(flags & WATCHED))
        return code;
    bool is_known = is_known_file(path);
    shim->number = number_of(path);
    if (shim->number < 0)
        return code;
    struct disk_file *watched = &disk->files[shim->number];
    shim->failures_told = watched->failures;
    if (!is_known) /* it was put there whole, by a rename */
        shim->real->pMethods->xFileSize(shim->real, &watched->synced_size);
    return code;
}

static int disk_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    (void)vfs;
    effect_begins("deletion of a file of the store");
    int code = real_vfs->xDelete(real_vfs, path, sync_folder);
    int number = number_of(path);
    if (code == SQLITE_OK && number >= 0) {
        forget(number, FORGET_ALL);
        disk->files[number].synced_size = 0;
    }
    effect_happened();
    return code;
}

static int disk_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    schedule_sleep_ns((int64_t)microseconds * 1000);
    return microseconds;
}

static int disk_randomness(sqlite3_vfs *vfs, int size, char *bytes)
{
    (void)vfs;
    for (int i = 0; i < size; i++)
        bytes[i] = (char)draw_bits();
    return size;
}

static int disk_time(sqlite3_vfs *vfs, sqlite3_int64 *julian_ms)
{
    (void)vfs;
    *julian_ms = INT64_C(210866760000000) + world_wall_ns() / NS_PER_MS;
    return SQLITE_OK;
}

bool disk_open(void)
{
    static sqlite3_vfs shim;
    disk = mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (disk == MAP_FAILED || sqlite3_initialize() != SQLITE_OK)
        return false;
    real_vfs = sqlite3_vfs_find("unix");
    shim = *real_vfs;
    shim.zName = "simulation";
    shim.szOsFile = (int)sizeof(struct shim_file) + real_vfs->szOsFile;
    shim.pNext = NULL;
    shim.xOpen = disk_open_file;
    shim.xDelete = disk_delete;
    shim.xSleep = disk_sleep;
    shim.xRandomness = disk_randomness;
    shim.xCurrentTimeInt64 = disk_time;
    return sqlite3_vfs_register(&shim, 1) == SQLITE_OK;
}

void disk_begin(void)
{
    forget(-1, FORGET_ALL);
    for (unsigned i = 0; i < disk->file_count; i++) {
        disk->files[i].path[0] = '\0';
        disk->files[i].synced_size = 0;
    }
    disk->file_count = 0;
}

/* ---- power cuts ------------------------------------------------------------------------------ */

static void restore(int fd, const struct dirty *dirty)
{
    ssize_t put = pwrite(fd, dirty->before, SECTOR_SIZE, (off_t)dirty->sector * SECTOR_SIZE);
    check_that(put == (ssize_t)SECTOR_SIZE, "the simulation cannot write to its own disk");
}

/* kept_permille: how much of what is unsynced reached the platter all the same. */
static void cut_file(unsigned number, unsigned kept_permille)
{
    struct disk_file *file = &disk->files[number];
    int fd = open(file->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return; /* deleted */
    off_t size = lseek(fd, 0, SEEK_END), end = (off_t)file->synced_size;
    unsigned lost = 0;
    for (unsigned i = 0; i < disk->dirty_count; i++) {
        const struct dirty *dirty = &disk->dirty[i];
        if (dirty->file != number)
            continue;
        if (!dirty->is_lost && draw_chance(kept_permille)) {
            off_t kept_end = ((off_t)dirty->sector + 1) * SECTOR_SIZE;
            end = kept_end > end ? kept_end : end;
            continue;
        }
        restore(fd, dirty);
        lost++;
    }
    if (ftruncate(fd, end < size || size < (off_t)file->synced_size ? end : size) != 0)
        violation("the simulation cannot cut its own disk");
    file->synced_size = lseek(fd, 0, SEEK_END);
    close(fd);
    if (lost > 0)
        mishap_count(MISHAP_TORN_WRITE);
    trace("power cut: %s lost %u sectors", strrchr(file->path, '/'), lost);
}

void disk_cut(void)
{
    static const unsigned shares[] = {0, 1000, 500, 900};
    unsigned kept_permille = shares[draw_below(sizeof shares / sizeof shares[0])];
    for (unsigned i = 0; i < disk->file_count; i++)
        if (disk->files[i].path[0])
            cut_file(i, kept_permille);
    forget(-1, FORGET_ALL);
    for (unsigned i = 0; i < disk->file_count; i++) {
        char shm[PATH_SIZE + 8];
        snprintf(shm, sizeof shm, "%s-shm", disk->files[i].path);
        unlink(shm); /* memory: gone with the power */
    }
}
