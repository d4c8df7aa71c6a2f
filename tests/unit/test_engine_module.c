/* SPDX-License-Identifier: MIT */
/*
 * From a .wasm file to a loaded module: the cache and who may write it, tools that are missing or
 * fail, modules that the translator refuses, manifests, and imports that the host does not have.
 */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "temporary.h"
#include "base/file.h"
#include "engine/import_rules.h"
#include "engine/translate.h"
#include "test_engine_support.h"
#include "test_engine_wasm.h"

static char root[64];
static char cache[80];
static char wasm_path[80];
static const char *made; /* policy's first made folder */
static struct error err;
static struct buf bytes;

static void write_module(const struct wasm_module *module)
{
    wasm_build(module, &bytes);
    CHECK_OK(file_write(wasm_path, bytes.data, bytes.size, 0600, &err), &err);
}

static bool open_module(struct module **out)
{
    struct module_policy policy = {.memory_pages_max = 16, .made_folders = {made}};
    policy.imports = import_rules_flow(&policy.import_count);
    err = (struct error){0};
    return module_open(out, wasm_path, cache, &policy, &err);
}

/* The number of entries in the cache, but for the digests beside modules if is_module_only; the last one's
 * path is put into path. */
static int list_entries(char *path, size_t size, bool is_module_only)
{
    int count = 0;
    DIR *entries = opendir(cache);
    for (const struct dirent *entry; entries && (entry = readdir(entries));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (is_module_only && strstr(entry->d_name, ".so.sha256"))
            continue;
        snprintf(path, size, "%s/%s", cache, entry->d_name);
        count++;
    }
    if (entries)
        closedir(entries);
    return count;
}

static int list_cache(char *path, size_t size)
{
    return list_entries(path, size, true);
}

static void empty_cache(void)
{
    char path[400];
    chmod(cache, 0700);
    while (list_entries(path, sizeof path, false) > 0)
        if (unlink(path) != 0)
            break;
}

static void cached_by_content(void)
{
    struct module *module;
    struct stat first, second;
    char path[400];
    struct wasm_module wasm = wasm_minimal();
    WASM_PUT(&wasm, 0, "\x0fsluice.manifest{\"id\":\"A\"}");
    write_module(&wasm);
    CHECK_OK(open_module(&module), &err);
    if (!module)
        return;
    size_t size;
    CHECK_EQ_TEXT(module_manifest(module, &size), "{\"id\":\"A\"}");
    CHECK_EQ_INT(size, 10);
    CHECK_EQ_INT(strlen(module_digest(module)), 64);
    CHECK_EQ_TEXT(fault_name(support_act(module, ACT_NOTHING)), "none");
    module_close(module);
    CHECK_EQ_INT(list_cache(path, sizeof path), 1); /* no work folder is left */
    CHECK(stat(path, &first) == 0 && (first.st_mode & 077) == 0);
    WASM_PUT(&wasm, 0, "\x0fsluice.manifest{\"id\":\"B\"}"); /* the same code */
    write_module(&wasm);
    CHECK_OK(open_module(&module), &err);
    CHECK_EQ_TEXT(module_manifest(module, NULL), "{\"id\":\"B\"}");
    module_close(module);
    CHECK_EQ_INT(list_cache(path, sizeof path), 1);
    CHECK(stat(path, &second) == 0 && second.st_ino == first.st_ino);
    WASM_PUT(&wasm, 10, "\x01\x03\x00\x01\x0b"); /* other code */
    write_module(&wasm);
    CHECK_OK(open_module(&module), &err);
    module_close(module);
    CHECK_EQ_INT(list_cache(path, sizeof path), 2);
    empty_cache();
}

static void others_must_not_write_the_cache(void)
{
    struct module *module;
    char path[400];
    struct wasm_module wasm = wasm_minimal();
    write_module(&wasm);
    CHECK_OK(open_module(&module), &err);
    module_close(module);
    chmod(cache, 0770);
    CHECK_FAILS(open_module(&module), &err, ERROR_DENIED);
    CHECK_CONTAINS(err.message, "can be written by others");
    chmod(cache, 0755);
    CHECK_EQ_INT(list_cache(path, sizeof path), 1);
    chmod(path, 0602);
    CHECK_FAILS(open_module(&module), &err, ERROR_DENIED);
    CHECK_CONTAINS(err.message, "can be written by others");
    CHECK_EQ_INT(chmod(path, 0600), 0);
    if (geteuid() == 0) {
        CHECK_EQ_INT(chown(path, 65534, 65534), 0);
        CHECK_FAILS(open_module(&module), &err, ERROR_DENIED);
        CHECK_CONTAINS(err.message, "belongs to user 65534");
    }
    unlink(path);
    CHECK_EQ_INT(symlink("/dev/null", path), 0);
    CHECK_FAILS(open_module(&module), &err, ERROR_DENIED);
    CHECK_CONTAINS(err.message, "not a plain file");
    empty_cache();
}

/* What a package brings is used where nothing can be made, if nobody else could have written it. */
static void made_elsewhere(void)
{
    struct module *module;
    char path[400], brought[96], missing[96];
    struct wasm_module wasm = wasm_minimal();
    write_module(&wasm);
    CHECK_OK(open_module(&module), &err);
    module_close(module);
    snprintf(brought, sizeof brought, "%s.brought", cache);
    CHECK_EQ_INT(rename(cache, brought), 0);
    made = brought;
    CHECK_OK(open_module(&module), &err);
    if (module)
        CHECK(strncmp(module_library(module), brought, strlen(brought)) == 0);
    module_close(module);
    CHECK(!file_exists(cache)); /* not even made */
    CHECK_EQ_INT(chmod(brought, 0770), 0);
    CHECK_FAILS(open_module(&module), &err, ERROR_DENIED);
    CHECK_EQ_INT(chmod(brought, 0700), 0);
    snprintf(missing, sizeof missing, "%s.missing", cache);
    made = missing;
    CHECK_OK(open_module(&module), &err); /* compiled, then, and in the cache */
    module_close(module);
    CHECK_EQ_INT(list_cache(path, sizeof path), 1);
    CHECK(!file_exists(missing));
    made = NULL;
    empty_cache();
    CHECK_EQ_INT(rmdir(cache), 0);
    CHECK_EQ_INT(rename(brought, cache), 0);
    empty_cache();
}

/* Swapped with another one, changed, or without its digest. */
static void what_was_compiled_is_what_is_loaded(void)
{
    struct module *module;
    char path[400], beside[420], other[400];
    struct buf first;
    struct wasm_module wasm = wasm_minimal();
    buf_init(&first, 1 << 24);
    write_module(&wasm);
    CHECK_OK(open_module(&module), &err);
    module_close(module);
    CHECK_EQ_INT(list_cache(path, sizeof path), 1);
    CHECK_OK(file_read(path, &first, &err), &err);
    snprintf(beside, sizeof beside, "%s.sha256", path);
    snprintf(other, sizeof other, "%s", path);
    CHECK_EQ_INT(unlink(beside), 0);
    CHECK_OK(open_module(&module), &err); /* made again */
    module_close(module);
    first.data[first.size - 1] ^= 1;
    CHECK_OK(file_write(other, first.data, first.size, 0600, &err), &err);
    CHECK_FAILS(open_module(&module), &err, ERROR_DENIED);
    CHECK_CONTAINS(err.message, "is not what was compiled into it");
    CHECK_EQ_INT(unlink(other), 0);
    CHECK_OK(open_module(&module), &err);
    module_close(module);
    buf_release(&first);
    empty_cache();
}

static void tools_that_fail(void)
{
    struct module *module;
    char path[400];
    struct wasm_module wasm = wasm_minimal();
    write_module(&wasm);
    setenv("SLUICE_WASM2C", "/nonexistent/wasm2c", 1);
    CHECK_FAILS(open_module(&module), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "translating the module");
    unsetenv("SLUICE_WASM2C");
    setenv("SLUICE_NODE", "/nonexistent/node", 1);
    CHECK_FAILS(open_module(&module), &err, ERROR_INTERNAL);
    CHECK_CONTAINS(err.message, "cannot start '/nonexistent/node'");
    unsetenv("SLUICE_NODE");
    setenv("SLUICE_WASM_RT", "/nonexistent", 1);
    CHECK_FAILS(open_module(&module), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "compiling the module");
    CHECK_CONTAINS(err.message, "wasm-rt.h");
    unsetenv("SLUICE_WASM_RT");
    setenv("SLUICE_CC", "/bin/true", 1); /* succeeds and makes nothing */
    CHECK_FAILS(open_module(&module), &err, ERROR_INTERNAL);
    unsetenv("SLUICE_CC");
    CHECK_EQ_INT(list_cache(path, sizeof path), 0);
    CHECK_EQ_INT(module == NULL, 1);
}

static void modules_that_are_refused(void)
{
    struct module *module;
    struct wasm_module wasm = wasm_minimal();
    WASM_PUT(&wasm, 8, "\x00");
    write_module(&wasm);
    CHECK_FAILS(open_module(&module), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, wasm_path);
    CHECK_CONTAINS(err.message, "a start function is not allowed");
    wasm = wasm_minimal();
    WASM_PUT(&wasm, 10, "\x01\x03\x00\x1a\x0b"); /* drop of nothing: a type error */
    write_module(&wasm);
    CHECK_FAILS(open_module(&module), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "type mismatch");
    wasm = wasm_minimal();
    WASM_PUT(&wasm, 11, "\x01\x00\x41\xff\xff\x03\x0b\x02hi"); /* data across the memory's end */
    write_module(&wasm);
    CHECK_OK(open_module(&module), &err);
    struct support_host host = {0};
    const struct sandbox_result result = support_run(module, &host, NULL);
    CHECK_EQ_TEXT(fault_name(result.fault), "no_slot");
    CHECK_CONTAINS(result.detail, "cannot be instantiated: memory_out_of_bounds");
    module_close(module);
    unlink(wasm_path);
    CHECK_FAILS(open_module(&module), &err, ERROR_NOT_FOUND);
    empty_cache();
}

/* Allowed by the list, but this program has no such import. */
static void imports_that_the_host_lacks(void)
{
    struct module *module;
    struct wasm_module wasm = wasm_minimal();
    WASM_PUT(&wasm, 1, "\x02\x60\x00\x00\x60\x01\x7f\x01\x7f");
    WASM_PUT(&wasm, 2, "\x01\x0bsluice_file\x05" "close\x00\x01");
    WASM_PUT(&wasm, 7, "\x02\x06memory\x02\x00\x06_start\x00\x01");
    WASM_PUT(&wasm, 10, "\x01\x07\x00\x41\x00\x10\x00\x1a\x0b");
    write_module(&wasm);
    CHECK_FAILS(open_module(&module), &err, ERROR_INTERNAL);
    CHECK_CONTAINS(err.message, "w2c_sluice__file_close");
    empty_cache();
}

int main(void)
{
    static const struct check_test tests[] = {
        TEST(cached_by_content), TEST(others_must_not_write_the_cache), TEST(made_elsewhere),
        TEST(what_was_compiled_is_what_is_loaded), TEST(tools_that_fail),
        TEST(modules_that_are_refused), TEST(imports_that_the_host_lacks)};
    temporary_name(root, sizeof root);
    if (!mkdtemp(root))
        return 1;
    snprintf(cache, sizeof cache, "%s/cache", root);
    snprintf(wasm_path, sizeof wasm_path, "%s/module.wasm", root);
    buf_init(&bytes, 1 << 20);
    const int status = check_run(tests, sizeof tests / sizeof tests[0]);
    buf_release(&bytes);
    sandbox_thread_release();
    unlink(wasm_path);
    rmdir(cache);
    rmdir(root);
    return status;
}
