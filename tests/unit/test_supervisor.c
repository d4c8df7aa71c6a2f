/* SPDX-License-Identifier: MIT */
/* Parts of the supervisor that need no process: addresses, waiting, environments, folders, lines. */
#include <fcntl.h>
#include <grp.h>
#include <sys/inotify.h>

#include "base/clock.h"
#include "base/log.h"
#include "check.h"
#include "supervisor/account.h"
#include "supervisor/address.h"
#include "supervisor/environment.h"
#include "supervisor/relay.h"
#include "supervisor/restart.h"
#include "supervisor/workspaces.h"
#include "temporary.h"

static struct error err;

static void addresses(void)
{
    static const struct {
        const char *a, *b;
        bool overlaps;
        const char *why;
    } cases[] = {
        {"127.0.0.1:80", "127.0.0.1:80", true, "the same"},
        {"127.0.0.1:80", "127.0.0.1:81", false, "another port"},
        {"127.0.0.1:80", "127.0.0.2:80", false, "another address"},
        {"127.0.0.1:80", "0.0.0.0:80", true, "all addresses"},
        {"[::]:80", "10.0.0.1:80", true, "all addresses of both families"},
        {"[::1]:80", "127.0.0.1:80", false, "two families"},
        {"[::1]:80", "[0:0:0:0:0:0:0:1]:80", true, "written in another way"},
        {"localhost:80", "127.0.0.1:80", true, "its name"},
        {"[::1]:80", "LOCALHOST:80", true, "its name"},
        {"HOST:80", "host:80", true, "names without case"},
        {"host:80", "other:80", false, "names"},
        {"127.0.0.1:0", "127.0.0.1:0", false, "any free port"},
        {"127.0.0.1:80", "127.0.0.1:080", true, "the same number"},
        {"", "", false, "no address"},
        {":80", ":80", false, "no address"},
        {"a:65536", "a:65536", false, "no port"},
        {"a", "a", false, "no port"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const bool one = address_overlaps(cases[i].a, cases[i].b);
        CHECK_EQ_INT(one, cases[i].overlaps);
        CHECK_EQ_INT(address_overlaps(cases[i].b, cases[i].a), cases[i].overlaps);
        if (one != cases[i].overlaps)
            fprintf(stderr, "    %s, %s: %s\n", cases[i].a, cases[i].b, cases[i].why);
    }
}

static void waiting_doubles_up_to_a_limit_and_begins_again(void)
{
    const struct supervision supervision = {.restart_min_ms = 1000, .restart_max_ms = 5000,
                                            .stable_ms = 60000};
    struct restart restart = {.count = 0};
    CHECK_EQ_INT(restart_wait_ms(&restart, &supervision, 0), 1000);
    CHECK_EQ_INT(restart_wait_ms(&restart, &supervision, 0), 2000);
    CHECK_EQ_INT(restart_wait_ms(&restart, &supervision, 59999), 4000);
    CHECK_EQ_INT(restart_wait_ms(&restart, &supervision, 0), 5000);
    CHECK_EQ_INT(restart_wait_ms(&restart, &supervision, 0), 5000);
    CHECK_EQ_INT(restart_wait_ms(&restart, &supervision, 60000), 1000);
    CHECK_EQ_INT(restart.count, 6);
    CHECK_EQ_INT(restart_wait_ms(&restart, &supervision, 0), 2000);
    restart_forget(&restart);
    CHECK_EQ_INT(restart_wait_ms(&restart, &supervision, 0), 1000);
    CHECK_EQ_INT(restart.count, 8);
}

/* ---- environment ------------------------------------------------------------------------------- */

static bool make(struct environment_block *out, const char *text, unsigned mode)
{
    struct temporary place = temporary_make();
    char *own[] = {(char[]){"PATH=/bin"}, (char[]){"SECRET=x"}, (char[]){"LANGUAGE=de"}, NULL};
    err = (struct error){0};
    if (text) {
        temporary_write(&place, "a.environment", text);
        CHECK_EQ_INT(chmod(temporary_path(&place, "a.environment"), mode), 0);
    }
    const bool ok = environment_make(out, own, "games", "/srv/a",
                                     temporary_path(&place, "a.environment"), &err);
    temporary_remove(&place);
    return ok;
}

static void an_environment_is_clean(void)
{
    struct environment_block block;
    CHECK_OK(make(&block, NULL, 0), &err);
    CHECK_EQ_INT(block.count, 4);
    CHECK_EQ_TEXT(block.variables[0], "PATH=/bin");
    CHECK_EQ_TEXT(block.variables[1], "USER=games");
    CHECK_EQ_TEXT(block.variables[3], "HOME=/srv/a");
    CHECK(!block.variables[4]);
    environment_release(&block);
    CHECK_OK(make(&block, "#c\n\nA=1=2\nPATH=/opt\nB=", 0600), &err);
    CHECK_EQ_TEXT(block.variables[0], "A=1=2");
    CHECK_EQ_TEXT(block.variables[1], "PATH=/opt"); /* before that of the supervisor */
    CHECK_EQ_TEXT(block.variables[2], "B=");
    environment_release(&block);
}

static void a_bad_environment_is_refused(void)
{
    static const struct {
        const char *text;
        unsigned mode;
        enum error_kind kind;
        const char *says;
    } cases[] = {
        {"A=1\n", 0640, ERROR_DENIED, "nobody else may read it"},
        {"A=1\n", 0602, ERROR_DENIED, "nobody else may read it"},
        {"A=1\nexport B=2\n", 0600, ERROR_INVALID, "a.environment:2: expected NAME=VALUE"},
        {"=1\n", 0600, ERROR_INVALID, "a.environment:1: "},
        {"1A=1\n", 0600, ERROR_INVALID, "a.environment:1: "},
        {"A\n", 0600, ERROR_INVALID, "a.environment:1: "},
        {"A=1\r\n", 0600, ERROR_INVALID, "a.environment:1: "},
    };
    struct environment_block block;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_FAILS(make(&block, cases[i].text, cases[i].mode), &err, cases[i].kind);
        CHECK_CONTAINS(err.message, cases[i].says);
    }
}

static void an_environment_has_a_limit(void)
{
    static char text[16 * (ENVIRONMENT_FILE_VARIABLES_MAX + 2)];
    struct environment_block block;
    for (int i = 0; i < ENVIRONMENT_FILE_VARIABLES_MAX; i++)
        snprintf(text + strlen(text), 16, "V%d=1\n", i);
    CHECK_OK(make(&block, text, 0600), &err);
    environment_release(&block);
    snprintf(text + strlen(text), 16, "ONE_MORE=1\n");
    CHECK_FAILS(make(&block, text, 0600), &err, ERROR_LIMIT);
    static char line[ENVIRONMENT_SIZE_MAX + 2];
    memset(line, 'A', sizeof line - 1);
    line[1] = '=';
    line[ENVIRONMENT_SIZE_MAX] = '\0';
    CHECK_OK(make(&block, line, 0600), &err);
    environment_release(&block);
    line[ENVIRONMENT_SIZE_MAX] = 'A';
    CHECK_FAILS(make(&block, line, 0600), &err, ERROR_LIMIT);
    CHECK_CONTAINS(err.message, "is larger than 65536 bytes");
}

/* All that is passed on of the supervisor's own, each so often. */
static size_t passed_of(size_t times)
{
    static char names[][24] = {"PATH=/bin", "TZ=UTC", "LANG=C", "LC_ALL=C", "SLUICE_FUNCTIONS=f",
                               "SLUICE_NODE=n", "SLUICE_WASM2C=w", "SLUICE_CC=c", "SLUICE_WASM_RT=r"};
    static char *own[2 * ENVIRONMENT_VARIABLES_MAX + 1];
    static char text[16 * (ENVIRONMENT_FILE_VARIABLES_MAX + 1)];
    const size_t count = sizeof names / sizeof names[0];
    struct temporary place = temporary_make();
    struct environment_block block;
    text[0] = '\0';
    for (int i = 0; i < ENVIRONMENT_FILE_VARIABLES_MAX; i++)
        snprintf(text + strlen(text), 16, "V%d=1\n", i);
    temporary_write(&place, "a.environment", text);
    CHECK_EQ_INT(chmod(temporary_path(&place, "a.environment"), 0600), 0);
    for (size_t i = 0; i < times * count; i++)
        own[i] = names[i % count];
    own[times * count] = NULL;
    CHECK_OK(environment_make(&block, own, "games", "/srv/a", temporary_path(&place, "a.environment"),
                              &err), &err);
    CHECK(block.count <= ENVIRONMENT_VARIABLES_MAX);
    CHECK(!block.variables[block.count]);
    CHECK_EQ_TEXT(block.variables[block.count - 1], "HOME=/srv/a");
    temporary_remove(&place);
    environment_release(&block);
    return block.count;
}

/* The fullest file and all that is passed on fit; a name that occurs again is passed on once, or so many
 * of them would not. */
static void the_fullest_environment_fits(void)
{
    const size_t fullest = passed_of(1);
    CHECK_EQ_INT(fullest, ENVIRONMENT_FILE_VARIABLES_MAX + 9 + 3);
    CHECK_EQ_INT(passed_of(ENVIRONMENT_VARIABLES_MAX / 8), fullest);
}

/* ---- accounts ---------------------------------------------------------------------------------- */

static int groups_of_nobody;

/* What account.c asks the system: the groups of a user are as many as the test wants. */
int getgrouplist(const char *user, gid_t group, gid_t *groups, int *count)
{
    const int room = *count;
    (void)user;
    *count = groups_of_nobody;
    if (groups_of_nobody > room)
        return -1;
    for (int i = 0; i < groups_of_nobody; i++)
        groups[i] = group + (gid_t)i;
    return groups_of_nobody;
}

static void groups_of_an_account_have_a_limit(void)
{
    struct temporary place = temporary_make();
    struct account account;
    groups_of_nobody = ACCOUNT_GROUPS_MAX;
    err = (struct error){0};
    bool ok = account_find(&account, "nobody", place.folder, &err);
    CHECK(ok || err.kind == ERROR_DENIED); /* only root may run anything as nobody */
    CHECK_EQ_INT(account.group_count, ACCOUNT_GROUPS_MAX);
    CHECK_EQ_INT(account.groups[ACCOUNT_GROUPS_MAX - 1], account.gid + ACCOUNT_GROUPS_MAX - 1);
    groups_of_nobody = ACCOUNT_GROUPS_MAX + 1;
    CHECK_FAILS(account_find(&account, "nobody", place.folder, &err), &err, ERROR_LIMIT);
    CHECK_EQ_TEXT(err.message, "user 'nobody' is in more than 64 groups");
    temporary_remove(&place);
}

/* ---- workspaces -------------------------------------------------------------------------------- */

static struct workspace_list list;

static void make_workspace(const struct temporary *place, const char *name)
{
    char path[128];
    CHECK_EQ_INT(mkdir(temporary_path(place, name), 0700), 0);
    snprintf(path, sizeof path, "%s/sluice.json", name);
    temporary_write(place, path, "{}");
}

static void workspaces_are_found(void)
{
    struct temporary place = temporary_make();
    make_workspace(&place, "beta");
    make_workspace(&place, "acme");
    make_workspace(&place, ".hidden");
    CHECK_EQ_INT(mkdir(temporary_path(&place, "empty"), 0700), 0);
    CHECK_EQ_INT(symlink("acme", temporary_path(&place, "link")), 0);
    temporary_write(&place, "file", "");
    CHECK_OK(workspaces_list(place.folder, &list, &err), &err);
    CHECK_EQ_INT(list.count, 2);
    CHECK_EQ_TEXT(list.items[0].name, "acme");
    CHECK_EQ_TEXT(list.items[1].name, "beta");
    CHECK_EQ_TEXT(list.odd_name, "");
    make_workspace(&place, "odd name");
    CHECK_OK(workspaces_list(place.folder, &list, &err), &err);
    CHECK_EQ_INT(list.count, 2);
    CHECK_EQ_TEXT(list.odd_name, "odd name");
    temporary_remove(&place);
    CHECK_FAILS(workspaces_list(place.folder, &list, &err), &err, ERROR_NOT_FOUND);
}

static void so_many_and_no_more(void)
{
    struct temporary place = temporary_make();
    char name[16];
    for (int i = 0; i < SUPERVISION_TENANTS_MAX; i++) {
        snprintf(name, sizeof name, "t%03d", i);
        make_workspace(&place, name);
    }
    CHECK_OK(workspaces_list(place.folder, &list, &err), &err);
    CHECK_EQ_INT(list.count, SUPERVISION_TENANTS_MAX);
    CHECK(!list.is_cut);
    make_workspace(&place, "one-more");
    CHECK_OK(workspaces_list(place.folder, &list, &err), &err);
    CHECK_EQ_INT(list.count, SUPERVISION_TENANTS_MAX);
    CHECK(list.is_cut);
    temporary_remove(&place);
}

static void a_fingerprint_is_of_the_configuration(void)
{
    struct temporary place = temporary_make();
    make_workspace(&place, "a");
    CHECK_EQ_INT(mkdir(temporary_path(&place, "a/state"), 0700), 0);
    CHECK_EQ_INT(mkdir(temporary_path(&place, "a/lookups"), 0700), 0);
    const char *path = temporary_path(&place, "a");
    char folder[128];
    snprintf(folder, sizeof folder, "%s", path);
    uint64_t before = workspaces_fingerprint(folder);
    CHECK(before != 0);
    temporary_write(&place, "a/state/sluice.db", "x");
    CHECK(workspaces_fingerprint(folder) == before);
    static const char *const files[] = {"a/sluice.json", "a/lookups/b.csv", "a/users.json",
                                        "a.environment"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        temporary_write(&place, files[i], "longer than it was");
        const uint64_t after = workspaces_fingerprint(folder);
        CHECK(after != before);
        before = after;
    }
    CHECK_EQ_INT(chmod(folder, 0750), 0);
    CHECK(workspaces_fingerprint(folder) != before);
    CHECK(workspaces_fingerprint("/nonexistent") == 0);
    temporary_remove(&place);
}

static bool has_event(int fd)
{
    char events[4096];
    return read(fd, events, sizeof events) > 0;
}

static void changes_wake(void)
{
    struct temporary place = temporary_make();
    const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    make_workspace(&place, "a");
    CHECK_EQ_INT(mkdir(temporary_path(&place, "a/lookups"), 0700), 0);
    CHECK_EQ_INT(mkdir(temporary_path(&place, "a/state"), 0700), 0);
    CHECK(workspaces_watch(fd, place.folder));
    CHECK(!has_event(fd));
    temporary_write(&place, "a/state/sluice.db", "x");
    CHECK(!has_event(fd));
    temporary_write(&place, "a/lookups/b.csv", "x");
    CHECK(has_event(fd));
    temporary_write(&place, "supervise.json", "{}");
    CHECK(has_event(fd));
    make_workspace(&place, "b");
    CHECK(has_event(fd));
    close(fd);
    temporary_remove(&place);
}

static void others_must_not_add_workspaces(void)
{
    struct temporary place = temporary_make();
    CHECK_OK(workspaces_check(place.folder, &err), &err);
    CHECK_EQ_INT(chmod(place.folder, 0777), 0);
    CHECK_FAILS(workspaces_check(place.folder, &err), &err, ERROR_DENIED);
    CHECK_FAILS(workspaces_check("/nonexistent", &err), &err, ERROR_NOT_FOUND);
    CHECK_FAILS(workspaces_check("/dev/null", &err), &err, ERROR_NOT_FOUND);
    temporary_remove(&place);
}

/* ---- lines ------------------------------------------------------------------------------------- */

static int log_ends[2], tenant_ends[2];
static struct relay relay;
static char logged[1 << 18];

static void begin_relay(void)
{
    CHECK_EQ_INT(pipe2(log_ends, O_NONBLOCK | O_CLOEXEC), 0);
    CHECK_EQ_INT(pipe2(tenant_ends, O_NONBLOCK | O_CLOEXEC), 0);
    CHECK(fcntl(log_ends[1], F_SETPIPE_SZ, 1 << 20) > 0);
    CHECK(fcntl(tenant_ends[1], F_SETPIPE_SZ, 1 << 20) > 0);
    log_configure(LOG_INFO, LOG_PLAIN, log_ends[1]);
    relay_init(&relay);
}

static const char *end_relay(void)
{
    size_t size = 0;
    for (ssize_t got; (got = read(log_ends[0], logged + size, sizeof logged - 1 - size)) > 0;)
        size += (size_t)got;
    logged[size] = '\0';
    relay_release(&relay);
    close(log_ends[0]);
    close(log_ends[1]);
    close(tenant_ends[0]);
    close(tenant_ends[1]);
    return logged;
}

static void send_text(const char *text)
{
    CHECK_EQ_INT(write(tenant_ends[1], text, strlen(text)), strlen(text));
}

static void lines_are_passed_on_with_their_tenant(void)
{
    begin_relay();
    send_text("{\"level\":\"info\",\"message\":\"one\"}\n\nplain ");
    CHECK(relay_log(&relay, "acme", tenant_ends[0], 1000));
    send_text("text\x1B[2J\nno end");
    CHECK(relay_log(&relay, "acme", tenant_ends[0], 1000));
    close(tenant_ends[1]);
    CHECK(!relay_log(&relay, "acme", tenant_ends[0], 1000));
    relay_finish(&relay, "acme");
    CHECK_EQ_TEXT(end_relay(), "one tenant=acme\nwarning: plain text?[2J tenant=acme\n"
                               "warning: no end tenant=acme\n");
}

static void a_line_without_end_is_cut(void)
{
    static char line[RELAY_LINE_MAX + 100];
    begin_relay();
    memset(line, 'x', sizeof line - 1);
    send_text(line);
    send_text(line);
    send_text("\nnext\n");
    CHECK(relay_log(&relay, "acme", tenant_ends[0], 1000));
    const char *all = end_relay();
    CHECK_EQ_INT(strspn(all, "warning: x"), strlen("warning: ") + LOG_LINE_SIZE_MAX - 1 + 1);
    CHECK_CONTAINS(all, "warning: next tenant=acme\n");
    CHECK(strlen(all) < LOG_LINE_SIZE_MAX + 200);
}

static void a_flood_is_read_slowly(void)
{
    static char lines[RELAY_BYTES + 65536];
    begin_relay();
    memset(lines, '\n', sizeof lines - 1);
    send_text(lines);
    CHECK(relay_log(&relay, "acme", tenant_ends[0], 1000));
    CHECK(relay.window_bytes >= RELAY_BYTES && relay.window_bytes < sizeof lines - 1);
    CHECK_EQ_INT(relay_due_ms(&relay), 1000 + RELAY_WINDOW_MS);
    const size_t before = relay.window_bytes;
    CHECK(relay_log(&relay, "acme", tenant_ends[0], 1000 + RELAY_WINDOW_MS - 1));
    CHECK_EQ_INT(relay.window_bytes, before);
    CHECK(relay_log(&relay, "acme", tenant_ends[0], 1000 + RELAY_WINDOW_MS));
    CHECK_EQ_INT(before + relay.window_bytes, sizeof lines - 1);
    (void)end_relay();
}

static void a_document_comes_in_pieces(void)
{
    begin_relay();
    send_text("{\"url\":");
    CHECK(relay_output(&relay, tenant_ends[0]));
    CHECK(!relay_document(&relay));
    send_text("\"http://a\"}\n");
    CHECK(relay_output(&relay, tenant_ends[0]));
    cJSON *document = relay_document(&relay);
    CHECK_EQ_TEXT(json_text(document, "url"), "http://a");
    cJSON_Delete(document);
    (void)end_relay();
}

static void a_document_has_a_limit(void)
{
    static char text[RELAY_DOCUMENT_MAX + 2];
    for (size_t size = RELAY_DOCUMENT_MAX; size <= RELAY_DOCUMENT_MAX + 1; size++) {
        memset(text, ' ', size);
        memcpy(text, "{}", 2);
        text[size] = '\0';
        begin_relay();
        send_text(text);
        CHECK(relay_output(&relay, tenant_ends[0]));
        cJSON *document = relay_document(&relay);
        CHECK_EQ_INT(document != NULL, size == RELAY_DOCUMENT_MAX);
        cJSON_Delete(document);
        (void)end_relay();
    }
}

CHECK_MAIN(TEST(addresses), TEST(waiting_doubles_up_to_a_limit_and_begins_again), TEST(an_environment_is_clean),
           TEST(a_bad_environment_is_refused), TEST(an_environment_has_a_limit), TEST(the_fullest_environment_fits),
           TEST(groups_of_an_account_have_a_limit), TEST(workspaces_are_found),
           TEST(so_many_and_no_more), TEST(a_fingerprint_is_of_the_configuration), TEST(changes_wake),
           TEST(others_must_not_add_workspaces), TEST(lines_are_passed_on_with_their_tenant),
           TEST(a_line_without_end_is_cut), TEST(a_flood_is_read_slowly), TEST(a_document_comes_in_pieces),
           TEST(a_document_has_a_limit))
