/* SPDX-License-Identifier: MIT */
/*
 * One filter at a time over the compiled test guests: streams, limits at n and n + 1, what may come out,
 * and sets as text. Usage: test_capability_filter GUESTS
 */
#include <dirent.h>

#include "base/file.h"
#include "capability/filter_cache.h"
#include "capability/filter_check.h"
#include "capability/filter_run.h"
#include "capability/filter_stream.h"
#include "temporary.h"

static const char *guests;
static struct temporary temporary;
static struct workspace workspace;
static struct filter_cache *cache;
static struct filter_settings limits = {.memory_mib = 4, .cpu_ms = 2000, .wall_s = 20,
                                        .content_cpu_s = 20, .log_lines = 3, .output_size_max = 1000,
                                        .unsigned_ones = UNSIGNED_ALLOW};
static char told[256];

static void tell(void *context, const struct filter *filter, const char *result, const char *text)
{
    (void)context, (void)filter, (void)result;
    snprintf(told, sizeof told, "%s", text);
}

static const struct filter_site site = {.flow = "FLOW", .limits = &limits, .tell = tell};

static struct filter open_guest(const char *name, const char *point)
{
    static char file_name[64], path[512];
    snprintf(file_name, sizeof file_name, "%s.wasm", point);
    snprintf(path, sizeof path, "%s/filter_%s.wasm", guests, name);
    struct filter filter = {.point = (char *)(uintptr_t)point, .name = file_name};
    CHECK_OK(filter_cache_add(cache, path, &filter), &filter.problem);
    return filter;
}

static bool run(const struct filter *filter, const char *message, struct buf *out, struct error *err)
{
    *err = (struct error){0};
    return filter_run_message(&site, filter, message, strlen(message), out, err);
}

static void a_message_goes_through(void)
{
    struct buf out;
    struct error err;
    buf_init(&out, 0);
    const struct filter name = open_guest("name", "name");
    CHECK_OK(run(&name, "file.csv", &out, &err), &err);
    CHECK_EQ_TEXT(buf_text(&out), "W-file.csv");
    buf_release(&out);
}

static void the_size_of_what_comes_out_is_bounded(void)
{
    struct buf out;
    struct error err;
    char message[1002];
    memset(message, 'x', sizeof message);
    buf_init(&out, 0);
    const struct filter copy = open_guest("chatters", "other");
    message[1000] = '\0';
    CHECK_OK(run(&copy, message, &out, &err), &err);
    CHECK_EQ_INT(out.size, 1000);
    CHECK_CONTAINS(told, "log limit reached");
    message[1000] = 'x';
    message[1001] = '\0';
    CHECK_FAILS(run(&copy, message, &out, &err), &err, ERROR_FILTER);
    CHECK_CONTAINS(err.message, "gave more than 1000 bytes");
    buf_release(&out);
}

static void what_goes_wrong_is_named(void)
{
    static const struct {
        const char *guest, *words;
    } rows[] = {
        {"says_no", "filter 'message.wasm' at extension point 'message' of flow 'FLOW' exited with "
                    "status 3: message.wasm at message of FLOW: no"},
        {"traps", "ended by unreachable"},
        {"spins", "ended by cpu_deadline"},
        {"babbles", "gave what is no JSON"},
        {"half", "exited with status 1"},
        {"hogs", "ended by unreachable"},
        {"floods", "gave more than"},
    };
    struct buf out;
    struct error err;
    buf_init(&out, 0);
    limits.cpu_ms = 100;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct filter filter = open_guest(rows[i].guest, "message");
        CHECK_FAILS(run(&filter, "{}", &out, &err), &err, ERROR_FILTER);
        CHECK_CONTAINS(err.message, rows[i].words);
    }
    limits.cpu_ms = 2000;
    buf_release(&out);
}

/* The error of a filter whose last line, "message.wasm at message of FLOW...: no", is so long. */
static void say_no(size_t size, struct error *err)
{
    static char flow[FILTER_LINE_SHOWN_MAX];
    struct filter_site named = site;
    struct buf out;
    const struct filter filter = open_guest("says_no", "message");
    memset(flow, 'F', sizeof flow);
    flow[size - strlen("message.wasm at message of : no")] = '\0';
    named.flow = flow;
    *err = (struct error){0};
    buf_init(&out, 0);
    CHECK_FAILS(filter_run_message(&named, &filter, "{}", 2, &out, err), err, ERROR_FILTER);
    CHECK_EQ_INT(strlen(told), size); /* the log has all of it */
    buf_release(&out);
}

static void the_last_line_is_shown_up_to_the_limit(void)
{
    static const char before[] = "exited with status 3: ";
    for (size_t size = FILTER_LINE_SHOWN_MAX; size <= FILTER_LINE_SHOWN_MAX + 1; size++) {
        struct error err;
        say_no(size, &err);
        const char *line = strstr(err.message, before);
        CHECK(line != NULL);
        CHECK_EQ_INT(line ? strlen(line) - strlen(before) : 0, FILTER_LINE_SHOWN_MAX);
        CHECK_EQ_INT(line ? strncmp(line + strlen(before), told, FILTER_LINE_SHOWN_MAX) : 1, 0);
    }
}

static void the_memory_is_bounded_by_the_settings(void)
{
    struct buf out;
    struct error err;
    buf_init(&out, 0);
    const struct filter filter = open_guest("hogs", "other");
    CHECK_FAILS(run(&filter, "", &out, &err), &err, ERROR_FILTER);
    CHECK_EQ_TEXT(told, "out of memory");
    buf_release(&out);
}

static void what_is_kept_is_found_again(void)
{
    struct filter first = open_guest("name", "name");
    struct filter_cache *other = filter_cache_new(&workspace);
    struct filter again = {.point = first.point, .name = first.name};
    CHECK_OK(filter_cache_find(other, first.digest, &again), &again.problem);
    struct filter unknown = {.point = first.point, .name = first.name};
    char digest[FILTER_DIGEST_SIZE];
    memset(digest, '0', sizeof digest - 1);
    digest[sizeof digest - 1] = '\0';
    CHECK_FAILS(filter_cache_find(other, digest, &unknown), &unknown.problem, ERROR_NOT_FOUND);
    filter_cache_free(other);
}

static void a_kept_file_that_was_changed_is_refused(void)
{
    struct error err = {0};
    char path[256];
    struct filter first = open_guest("name", "name");
    snprintf(path, sizeof path, "%s/modules/%s.wasm", temporary.folder, first.digest);
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    CHECK_OK(file_read(path, &bytes, &err), &err);
    buf_append(&bytes, "\0\2\1x", 4); /* a custom section more: another digest, the same code */
    CHECK_OK(file_write(path, bytes.data, bytes.size, 0600, &err), &err);
    struct filter_cache *other = filter_cache_new(&workspace);
    struct filter again = {.point = first.point, .name = first.name};
    CHECK_FAILS(filter_cache_find(other, first.digest, &again), &again.problem, ERROR_INVALID);
    CHECK_OK(file_write(path, bytes.data, bytes.size - 4, 0600, &err), &err);
    buf_release(&bytes);
    filter_cache_free(other);
}

static void what_may_come_out_depends_on_the_point(void)
{
    static const struct {
        const char *why, *point, *input, *output, *expected; /* expected NULL: refused */
    } rows[] = {
        {"JSON", "message", "{}", "[1]", "[1]"},
        {"no JSON", "message", "{}", "{", NULL},
        {"what was no JSON before", "request", "<xml/>", "<xml/>", "<xml/>"},
        {"nothing", "request", "{}", "", NULL},
        {"an object", "notification", "{}", "{\"to\":\"a\"}", "{\"to\":\"a\"}"},
        {"a list instead", "notification", "{}", "[]", NULL},
        {"all", "select", "[{\"name\":\"a\"},{\"name\":\"b\"}]", "[{\"name\":\"a\"},\"b\"]",
         "[{\"name\":\"a\"},\"b\"]"},
        {"none", "select", "[{\"name\":\"a\"}]", "[]", "[]"},
        {"another name", "select", "[{\"name\":\"a\"}]", "[{\"name\":\"c\"}]", NULL},
        {"another order", "select", "[{\"name\":\"a\"},{\"name\":\"b\"}]", "[\"b\",\"a\"]", NULL},
        {"twice", "select", "[{\"name\":\"a\"}]", "[\"a\",\"a\"]", NULL},
        {"no name", "select", "[{\"name\":\"a\"}]", "[{\"size\":1}]", NULL},
        {"a name", "name", "a", "b", "b"},
        {"a name with a newline", "name", "a", "b\n", "b"},
        {"two lines", "name", "a", "b\nc\n", NULL},
        {"a path", "name", "a", "../b", NULL},
        {"a folder", "name", "a", "..", NULL},
        {"nothing", "name", "a", "\n", NULL},
        {"no UTF-8", "name", "a", "\xFF", NULL},
        {"any bytes", "own", "a", "\xFF{", "\xFF{"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = {0};
        struct buf output;
        buf_init(&output, 1000);
        buf_append_text(&output, rows[i].output);
        bool ok = filter_check_output(rows[i].point, rows[i].input, strlen(rows[i].input), &output, &err);
        if (ok != (rows[i].expected != NULL))
            fprintf(stderr, "    case: %s %s\n", rows[i].point, rows[i].why);
        CHECK_EQ_INT(ok, rows[i].expected != NULL);
        if (ok)
            CHECK_EQ_TEXT(buf_text(&output), rows[i].expected);
        else
            CHECK_EQ_INT(err.kind, ERROR_FILTER);
        buf_release(&output);
    }
}

static void the_length_of_a_name_is_bounded(void)
{
    for (size_t size = FILTER_NAME_SIZE_MAX; size <= FILTER_NAME_SIZE_MAX + 1; size++) {
        struct error err = {0};
        struct buf output;
        buf_init(&output, 1000);
        for (size_t i = 0; i < size; i++)
            buf_append_char(&output, 'x');
        CHECK_EQ_INT(filter_check_output("name", "a", 1, &output, &err), size == FILTER_NAME_SIZE_MAX);
        buf_release(&output);
    }
}

static void a_set_is_text_and_text_is_a_set(void)
{
    struct buf text;
    struct filter_line line;
    struct filter_set *set = filter_set_new("FLOW");
    CHECK(set != NULL);
    const struct filter *found = NULL;
    buf_init(&text, FILTER_SETS_TEXT_MAX);
    for (int i = 0; i < 3; i++) {
        struct filter *filter = filter_set_add(set, i == 1 ? "name" : "content", i ? "b.wasm" : "a.wasm");
        CHECK(filter != NULL);
        memset(filter->digest, '1' + i, FILTER_DIGEST_SIZE - 1);
        filter->module = i ? (struct module *)set : NULL; /* only whether there is one counts */
    }
    CHECK_EQ_INT((found = filter_next(set, "content", NULL)) - set->filters, 0);
    CHECK_EQ_INT((found = filter_next(set, "content", found)) - set->filters, 2);
    CHECK(filter_next(set, "content", found) == NULL);
    filter_set_text(set, "content", &text);
    const char *at = buf_text(&text);
    CHECK(filter_line_next(&at, &line));
    CHECK_EQ_TEXT(line.flow, "FLOW");
    CHECK_EQ_TEXT(line.name, "a.wasm");
    CHECK_EQ_INT(line.digest[0], '0');
    CHECK(filter_line_next(&at, &line));
    CHECK_EQ_TEXT(line.point, "content");
    CHECK_EQ_INT(line.digest[0], '3');
    CHECK(!filter_line_next(&at, &line) && !*at);
    static const char *const damaged[] = {"\n", "FLOW\n", "FLOW p n\n", "FLOW p n xyz\n", "FLOW p n"};
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        at = damaged[i];
        CHECK(!filter_line_next(&at, &line) && *at);
    }
    buf_release(&text);
    filter_set_release(set);
}

static enum stream_outcome read_nothing(void *context, char *buffer, size_t size, int wait_ms,
                                        size_t *got, struct error *err)
{
    (void)context, (void)buffer, (void)size, (void)wait_ms, (void)err;
    *got = 0;
    return STREAM_END;
}

/* Whether a file with so many filters is opened; none of them is there, which only its run would tell. */
static bool opens_chain(struct execution *execution, unsigned count, struct error *err)
{
    char line[FILTER_DIGEST_SIZE + 64];
    struct buf filters;
    memset(line, '1', sizeof line);
    buf_init(&filters, 4096);
    for (unsigned i = 0; i < count; i++)
        buf_printf(&filters, "FLOW content a.wasm %.*s\n", FILTER_DIGEST_SIZE - 1, line);
    const struct remote_file file = {.name = "f", .filters = filters.data};
    struct remote_stream input = {.read = read_nothing};
    struct remote_stream *opened = filter_stream_open(execution, &file, &input, err);
    if (opened)
        opened->close(opened);
    buf_release(&filters);
    return opened != NULL;
}

static void filters_of_one_file_are_bounded(void)
{
    static const struct manifest manifest = {.identifier = "FLOW", .log_lines = 1};
    struct environment environment = {.workspace = &workspace, .filters = cache};
    struct execution execution;
    struct error err = {0};
    CHECK_OK(store_open(&environment.store, temporary_path(&temporary, "s.db"), &err), &err);
    execution_init(&execution, &environment, &manifest);
    CHECK_OK(opens_chain(&execution, FILTER_CHAIN_MAX, &err), &err);
    CHECK_FAILS(opens_chain(&execution, FILTER_CHAIN_MAX + 1, &err), &err, ERROR_LIMIT);
    CHECK_EQ_TEXT(err.message, "more than 8 filters for one file");
    execution_release(&execution);
    store_close(environment.store);
}

/* The module that applies mappings is not built here: a mapping that is not too long fails for that. */
static void a_mapping_ends_at_the_limit_and_not_before(void)
{
    for (size_t size = FILTER_MAPPING_SIZE_MAX; size <= FILTER_MAPPING_SIZE_MAX + 1; size++) {
        struct filter filter = {.point = (char *)(uintptr_t)"message",
                                .name = (char *)(uintptr_t)"mapping.json"};
        struct buf text;
        buf_init(&text, size);
        buf_append_text(&text, "{}");
        while (!text.failed && text.size < size)
            buf_append_char(&text, ' ');
        temporary_write(&temporary, "mapping.json", buf_text(&text));
        CHECK(!filter_cache_add(cache, temporary_path(&temporary, "mapping.json"), &filter));
        CHECK_CONTAINS(filter.problem.message, size == FILTER_MAPPING_SIZE_MAX
                                                   ? FILTER_MAPPING_MODULE
                                                   : "is larger than 1048576 bytes");
        buf_release(&text);
    }
}

static void copy(const char *from, const char *to)
{
    struct buf bytes;
    struct error err;
    buf_init(&bytes, 16u << 20);
    CHECK_OK(file_read(from, &bytes, &err) && file_write(to, bytes.data, bytes.size, 0600, &err), &err);
    buf_release(&bytes);
}

/* What the build has compiled of the guests need not be compiled again. */
static void bring_compiled(void)
{
    char folder[512], from[1024], to[1024];
    snprintf(folder, sizeof folder, "%s_compiled", guests);
    CHECK(mkdir(temporary_path(&temporary, "compiled"), 0700) == 0);
    DIR *entries = opendir(folder);
    CHECK(entries != NULL);
    for (const struct dirent *entry; entries && (entry = readdir(entries));) {
        snprintf(from, sizeof from, "%s/%s", folder, entry->d_name);
        snprintf(to, sizeof to, "%s/compiled/%s", temporary.folder, entry->d_name);
        if (strstr(entry->d_name, ".so"))
            copy(from, to);
    }
    if (entries)
        closedir(entries);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        TEST(a_message_goes_through),
        TEST(the_size_of_what_comes_out_is_bounded),
        TEST(what_goes_wrong_is_named),
        TEST(the_last_line_is_shown_up_to_the_limit),
        TEST(the_memory_is_bounded_by_the_settings),
        TEST(what_is_kept_is_found_again),
        TEST(a_kept_file_that_was_changed_is_refused),
        TEST(what_may_come_out_depends_on_the_point),
        TEST(the_length_of_a_name_is_bounded),
        TEST(filters_of_one_file_are_bounded),
        TEST(a_mapping_ends_at_the_limit_and_not_before),
        TEST(a_set_is_text_and_text_is_a_set),
    };
    if (argc != 2)
        return 2;
    guests = argv[1];
    temporary = temporary_make();
    bring_compiled();
    workspace = (struct workspace){.folder = temporary.folder,
                                   .functions_folder = temporary.folder,
                                   .state_folder = temporary.folder,
                                   .filters = limits};
    cache = filter_cache_new(&workspace);
    CHECK(cache != NULL);
    int status = check_run(tests, sizeof tests / sizeof tests[0]);
    filter_cache_free(cache);
    sandbox_thread_release();
    temporary_remove(&temporary);
    return status;
}
