/* SPDX-License-Identifier: MIT */
/* See translate.h. All work happens in a private folder inside the cache, so that the finished
 * file is renamed into place and a killed translation leaves nothing that looks finished. */
#include "engine/translate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/child.h"
#include "engine/digest.h"
#include "engine/helper.h"

/* Change it whenever the same module must be translated anew. SLUICE_WASM_RT_DIGEST is the digest
 * of wasm-rt.h, taken at configuration. */
#define LIBRARY_SIZE_MAX (256u << 20)
#define TRANSLATE_VERSION "sluice-engine 1; wabt 1.0.39; " SLUICE_WASM_RT_DIGEST "; "

#define WASM2C_FLAGS "-n", "guest", "--no-debug-names", "--disable-simd"
#define COMPILER_FLAGS                                                                             \
    "-std=gnu11", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-plt", "-DNDEBUG", "-w",         \
        "-fno-optimize-sibling-calls", "-frounding-math", "-fsignaling-nans",                      \
        "-fstack-clash-protection", "-Wl,-z,now", "-Wl,-z,relro", "-Wl,-z,noexecstack", "-s"

/* Above this size of a module compile time matters more than the speed of its code. */
#define TRANSLATE_FAST_SIZE (2u << 20)

/* Node.js 20 translates a module of 8 MiB within 1 GiB of data; V8 reserves far more address space
 * than it uses, so only the compiler's is limited. */
static const struct child_limits translator_limits = {
    .cpu_s = 60, .data_size = UINT64_C(3) << 30, .file_size = UINT64_C(512) << 20,
    .wall_ms = 120000};
static const struct child_limits compiler_limits = {
    .cpu_s = 300, .data_size = UINT64_C(3) << 30, .address_size = UINT64_C(4) << 30,
    .file_size = UINT64_C(512) << 20, .wall_ms = 600000};

static const char *from_environment(const char *name, const char *built_in)
{
    const char *value = getenv(name);
    return value && *value ? value : built_in;
}

void translate_tools_default(struct translate_tools *tools)
{
    *tools = (struct translate_tools){
        .node = from_environment("SLUICE_NODE", SLUICE_DEFAULT_NODE),
        .wasm2c = from_environment("SLUICE_WASM2C", SLUICE_DEFAULT_WASM2C),
        .compiler = from_environment("SLUICE_CC", SLUICE_DEFAULT_CC),
        .header_folder = from_environment("SLUICE_WASM_RT", SLUICE_DEFAULT_WASM_RT),
    };
}

/* Ours, root's, or that of whoever owns this program: a platform that unpacks a package gives all
 * its files to one user, and runs it as another. */
static bool is_trusted_owner(uid_t owner)
{
    struct stat program;
    return owner == geteuid() || owner == 0 ||
           (stat("/proc/self/exe", &program) == 0 && program.st_uid == owner);
}

/* Code that we load must not be writable by anybody who could not replace this program. */
static bool check_trust(const char *path, bool is_folder, struct error *err)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return error_errno(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_INTERNAL, errno,
                           "cannot look at '%s'", path);
    if (is_folder ? !S_ISDIR(status.st_mode) : !S_ISREG(status.st_mode))
        return error_set(err, ERROR_DENIED, "'%s' is not a plain %s", path,
                         is_folder ? "folder" : "file");
    if (!is_trusted_owner(status.st_uid))
        return error_set(err, ERROR_DENIED, "'%s' belongs to user %u; compiled modules are loaded "
                                            "only if they are yours, root's or this program's owner's",
                         path, (unsigned)status.st_uid);
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return error_set(err, ERROR_DENIED, "'%s' can be written by others; compiled modules are "
                                            "loaded only if they cannot (chmod go-w)",
                         path);
    return true;
}

static bool prepare_cache(const char *cache_folder, struct error *err)
{
    if (!file_exists(cache_folder)) {
        if (!file_make_folder(cache_folder, err))
            return false;
        if (chmod(cache_folder, 0700) != 0)
            return error_errno(err, ERROR_INTERNAL, errno, "cannot protect '%s'", cache_folder);
    }
    return check_trust(cache_folder, true, err);
}

static void append_glue(struct buf *out, const struct verified_module *module)
{
    buf_append_text(out, "#include \"guest.h\"\n"
                         "static void instantiate(void *instance, void *guest)\n"
                         "{\n    (void)guest;\n    wasm2c_guest_instantiate(instance");
    for (uint32_t i = 0; i < module->import_module_count; i++)
        buf_append_text(out, ", guest");
    buf_append_text(out, ");\n}\n"
                         "static void release(void *instance) { wasm2c_guest_free(instance); }\n"
                         "static void start(void *instance) { w2c_guest_0x5Fstart(instance); }\n"
                         "static wasm_rt_memory_t *memory(void *instance)\n"
                         "{\n    return w2c_guest_memory(instance);\n}\n"
                         "__attribute__((visibility(\"default\")))\n"
                         "const struct sluice_module_entry sluice_module = {\n"
                         "    SLUICE_MODULE_ENTRY_VERSION, sizeof(w2c_guest), instantiate,\n"
                         "    release, start, memory};\n");
}

struct work {
    const struct verified_module *module;
    const struct translate_tools *tools;
    char *folder;
    char *library; /* in folder */
};

static bool write_inputs(const struct work *work, struct error *err)
{
    struct buf glue;
    buf_init(&glue, 16384);
    append_glue(&glue, work->module);
    char *wasm_path = file_join(work->folder, "guest.wasm");
    char *glue_path = file_join(work->folder, "glue.c");
    const struct buf *clean = &work->module->clean;
    bool ok = wasm_path && glue_path && !glue.failed;
    if (!ok)
        error_set(err, ERROR_INTERNAL, "out of memory");
    ok = ok && file_write(wasm_path, clean->data, clean->size, 0600, err) &&
         file_write(glue_path, glue.data, glue.size, 0600, err);
    free(wasm_path);
    free(glue_path);
    buf_release(&glue);
    return ok;
}

static bool run_translator(const struct translate_tools *tools, const char *folder, struct error *err)
{
    const char *const argv[] = {tools->node, tools->wasm2c, WASM2C_FLAGS, "guest.wasm", "-o",
                                "guest.c", NULL};
    return child_run("translating the module", argv, folder, &translator_limits, err);
}

static bool run_compiler(const struct translate_tools *tools, const char *folder, bool is_large,
                         struct error *err)
{
    char include[4200];
    if (snprintf(include, sizeof include, "-I%s", tools->header_folder) >= (int)sizeof include)
        return error_set(err, ERROR_LIMIT, "the header folder's name is too long");
    const char *const argv[] = {tools->compiler, is_large ? "-O1" : "-O2", COMPILER_FLAGS, include,
                                "-I.", "guest.c", "glue.c", "-o", "guest.so", "-lm", NULL};
    return child_run("compiling the module", argv, folder, &compiler_limits, err);
}

bool translate_run_tools(const struct translate_tools *tools, const char *folder, bool is_large,
                         struct error *err)
{
    return run_translator(tools, folder, err) && run_compiler(tools, folder, is_large, err);
}

static bool run_tools(const struct work *work, struct error *err)
{
    const bool is_large = work->module->clean.size > TRANSLATE_FAST_SIZE;
    return helper_is_started() ? helper_run_tools(work->folder, is_large, err)
                               : translate_run_tools(work->tools, work->folder, is_large, err);
}

static bool sync_path(const char *path, struct error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool ok = fd >= 0 && fsync(fd) == 0;
    const int number = errno;
    if (fd >= 0)
        close(fd);
    return ok || error_errno(err, ERROR_INTERNAL, number, "cannot write '%s' to disk", path);
}

/* ---- what a compiled module was when it was made ---- */

static char *sum_path(const char *library)
{
    char *path = NULL;
    return asprintf(&path, "%s" TRANSLATE_SUM_SUFFIX, library) < 0 ? NULL : path;
}

static bool sum_library(const char *library, char sum[static DIGEST_TEXT_SIZE], struct error *err)
{
    struct buf bytes;
    buf_init(&bytes, LIBRARY_SIZE_MAX);
    bool ok = file_read(library, &bytes, err);
    if (ok)
        digest_hex(NULL, bytes.data, bytes.size, sum);
    buf_release(&bytes);
    return ok;
}

/* Two that make the same module at once write the same: the compiler's output depends on its input only. */
static bool write_sum(const char *library, const char *path, struct error *err)
{
    char sum[DIGEST_TEXT_SIZE], *beside = sum_path(path);
    bool ok = (beside || error_set(err, ERROR_INTERNAL, "out of memory")) &&
              sum_library(library, sum, err) && file_write(beside, sum, strlen(sum), 0600, err);
    free(beside);
    return ok;
}

static bool check_sum(const char *path, struct error *err)
{
    struct buf told;
    char sum[DIGEST_TEXT_SIZE], *beside = sum_path(path);
    buf_init(&told, DIGEST_TEXT_SIZE);
    bool ok = (beside || error_set(err, ERROR_INTERNAL, "out of memory")) &&
              check_trust(beside, false, err) && file_read(beside, &told, err) &&
              sum_library(path, sum, err);
    if (ok && strcmp(buf_text(&told), sum) != 0)
        ok = error_set(err, ERROR_DENIED, "'%s' is not what was compiled into it; remove it, and it is made "
                       "again", path);
    free(beside);
    buf_release(&told);
    return ok;
}

static bool is_made(const char *path)
{
    char *beside = sum_path(path);
    bool is_there = beside && file_exists(path) && file_exists(beside);
    free(beside);
    return is_there;
}

static bool publish(const struct work *work, const char *cache_folder, const char *path,
                    struct error *err)
{
    if (chmod(work->library, 0600) != 0)
        return error_errno(err, ERROR_INTERNAL, errno, "the compiler left no module");
    if (!sync_path(work->library, err) || !write_sum(work->library, path, err))
        return false;
    if (rename(work->library, path) != 0)
        return error_errno(err, ERROR_INTERNAL, errno, "cannot create '%s'", path);
    return sync_path(cache_folder, err);
}

/* The work folder is flat: our files and the compiler's temporary ones. */
static void remove_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    if (entries) {
        for (const struct dirent *entry; (entry = readdir(entries));)
            unlinkat(dirfd(entries), entry->d_name, 0);
        closedir(entries);
    }
    rmdir(folder);
}

static bool make_library(const struct verified_module *module, const char *cache_folder,
                         const struct translate_tools *tools, const char *path, struct error *err)
{
    struct work work = {.module = module, .tools = tools};
    work.folder = file_join(cache_folder, TRANSLATE_WORK_PREFIX "XXXXXX");
    if (!work.folder)
        return error_set(err, ERROR_INTERNAL, "out of memory");
    if (!mkdtemp(work.folder)) {
        error_errno(err, ERROR_INTERNAL, errno, "cannot create '%s'", work.folder);
        free(work.folder);
        return false;
    }
    work.library = file_join(work.folder, "guest.so");
    bool ok = work.library || error_set(err, ERROR_INTERNAL, "out of memory");
    ok = ok && write_inputs(&work, err) && run_tools(&work, err) &&
         publish(&work, cache_folder, path, err);
    remove_folder(work.folder);
    free(work.folder);
    free(work.library);
    return ok;
}

static char *library_path(const struct verified_module *module, const char *cache_folder)
{
    static const char *const flags[] = {WASM2C_FLAGS, COMPILER_FLAGS};
    char version[1024] = TRANSLATE_VERSION;
    for (size_t i = 0, size = strlen(version); i < sizeof flags / sizeof flags[0]; i++)
        size += (size_t)snprintf(version + size, sizeof version - size, "%s ", flags[i]);
    char name[DIGEST_TEXT_SIZE + 3];
    digest_hex(version, module->clean.data, module->clean.size, name);
    memcpy(name + DIGEST_TEXT_SIZE - 1, ".so", 4);
    return file_join(cache_folder, name);
}

/* A path that starts in the root: the tools run in another folder, and the loader searches its
 * own list for names without a separator. */
static char *absolute_folder(const char *folder, struct error *err)
{
    if (!prepare_cache(folder, err))
        return NULL;
    char *path = realpath(folder, NULL);
    if (!path)
        error_errno(err, ERROR_INTERNAL, errno, "cannot resolve '%s'", folder);
    return path;
}

bool translate_find(const struct verified_module *module, const char *folder, char **path,
                    struct error *err)
{
    *path = NULL;
    char *real = realpath(folder, NULL);
    if (!real)
        return true;
    char *found = library_path(module, real);
    bool ok = found || error_set(err, ERROR_INTERNAL, "out of memory");
    bool is_there = ok && is_made(found);
    if (is_there)
        ok = check_trust(real, true, err) && check_trust(found, false, err) && check_sum(found, err);
    free(real);
    if (ok && is_there)
        *path = found;
    else
        free(found);
    return ok;
}

bool translate(const struct verified_module *module, const char *cache_folder,
               const struct translate_tools *tools, char **path, struct error *err)
{
    *path = NULL;
    char *folder = absolute_folder(cache_folder, err);
    if (!folder)
        return false;
    char *found = library_path(module, folder);
    bool ok = found || error_set(err, ERROR_INTERNAL, "out of memory");
    if (ok && !is_made(found))
        ok = make_library(module, folder, tools, found, err);
    ok = ok && check_trust(found, false, err) && check_sum(found, err);
    free(folder);
    if (ok)
        *path = found;
    else
        free(found);
    return ok;
}
