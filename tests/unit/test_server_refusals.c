/* SPDX-License-Identifier: MIT */
/* What becomes of refusals in the audit trail, oauth.json and its faults, users taken out again. */
#include <stdlib.h>

#include "check.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/auth.h"
#include "server/issuer.h"
#include "server/refusals.h"
#include "store/store.h"
#include "unit/temporary.h"
#include "unit/token_maker.h"

static _Atomic int64_t now_ns; /* the store's thread reads it, too */

static int64_t tell(void *context)
{
    (void)context;
    return now_ns;
}

struct trail {
    struct temporary temporary;
    struct store *store;
    struct refusals *refusals;
    struct error err;
};

static void trail_open(struct trail *trail)
{
    static const struct clock_source source = {.wall_ns = tell, .monotonic_ns = tell};
    *trail = (struct trail){.temporary = temporary_make()};
    now_ns = 1000000000;
    clock_use(&source);
    log_configure(LOG_ERROR, false, 2);
    CHECK_OK(store_open(&trail->store, temporary_path(&trail->temporary, "sluice.db"), &trail->err),
             &trail->err);
    trail->refusals = refusals_new(trail->store);
}

static void trail_release(struct trail *trail)
{
    refusals_free(trail->refusals);
    store_close(trail->store);
    temporary_remove(&trail->temporary);
    clock_use(NULL);
}

struct seen {
    int count;
    char newest[AUDIT_TEXT_SIZE_MAX * 2];
};

static bool see(void *context, const struct audit_record *row)
{
    struct seen *seen = context;
    if (seen->count++ == 0)
        snprintf(seen->newest, sizeof seen->newest, "%s@%s %s %s: %s (%s)", row->actor, row->address,
                 row->action, row->outcome, row->detail, row->subject);
    return true;
}

static struct seen look(struct trail *trail)
{
    struct seen seen = {.count = 0};
    CHECK_OK(store_audits(trail->store, &(struct audit_filter){.limit = 0}, see, &seen, &trail->err),
             &trail->err);
    return seen;
}

static void refuse(struct trail *trail, const char *name, const char *address,
                   enum auth_verdict verdict)
{
    refusals_add(trail->refusals, &(struct refusal){
        .name = name, .address = address, .reason = auth_reason(verdict), .method = "POST",
        .path = "/x", .status = 401});
}

static void the_first_is_recorded_and_the_others_are_counted(void)
{
    struct trail trail;
    trail_open(&trail);
    for (int i = 0; i < 1000; i++)
        refuse(&trail, "ann", "192.0.2.1", AUTH_WRONG);
    struct seen seen = look(&trail);
    CHECK_EQ_INT(seen.count, 1);
    CHECK_EQ_TEXT(seen.newest, "ann@192.0.2.1 call refused: 401: wrong user or password (POST /x)");
    refuse(&trail, "ann", "192.0.2.2", AUTH_WRONG);
    refuse(&trail, "ann", "192.0.2.1", AUTH_LOCKED);
    refuse(&trail, "bob", "192.0.2.1", AUTH_WRONG);
    CHECK_EQ_INT(look(&trail).count, 4);
    now_ns += (REFUSALS_WINDOW_MS - 1) * 1000000LL;
    refusals_tick(trail.refusals);
    CHECK_EQ_INT(look(&trail).count, 4);
    now_ns += 1000000;
    refusals_tick(trail.refusals);
    seen = look(&trail);
    CHECK_EQ_INT(seen.count, 5);
    CHECK_EQ_TEXT(seen.newest,
                  "ann@192.0.2.1 call refused: wrong user or password: 999 more in 600 seconds ()");
    refuse(&trail, "ann", "192.0.2.1", AUTH_WRONG); /* a new window */
    CHECK_EQ_INT(look(&trail).count, 6);
    trail_release(&trail);
}

static void a_flood_of_callers_makes_so_many_records(void)
{
    struct trail trail;
    char name[32];
    trail_open(&trail);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < REFUSALS_CALLERS_MAX + 500; i++) {
            snprintf(name, sizeof name, "user-%u", i);
            refuse(&trail, name, "192.0.2.1", AUTH_WRONG);
        }
    }
    CHECK_EQ_INT(look(&trail).count, REFUSALS_CALLERS_MAX);
    now_ns += REFUSALS_WINDOW_MS * 1000000LL;
    refusals_tick(trail.refusals);
    struct seen seen = look(&trail);
    CHECK_EQ_INT(seen.count, 2 * REFUSALS_CALLERS_MAX + 1);
    CHECK_EQ_TEXT(seen.newest, "@ call refused: further callers: 1500 more in 600 seconds ()");
    trail_release(&trail);
}

static void what_is_counted_is_said_at_the_end(void)
{
    struct trail trail;
    trail_open(&trail);
    refuse(&trail, "ann", "192.0.2.1", AUTH_WRONG);
    refuse(&trail, "ann", "192.0.2.1", AUTH_WRONG);
    now_ns += 3000000000;
    refusals_free(trail.refusals);
    trail.refusals = NULL;
    CHECK_EQ_TEXT(look(&trail).newest,
                  "ann@192.0.2.1 call refused: wrong user or password: 1 more in 3 seconds ()");
    trail_release(&trail);
}

/* ---- oauth.json ---- */

#define REQUIRED "\"issuer\": \"i\", \"audience\": \"a\", \"jwks\": \"keys.json\""

static void faults_of_oauth_json_are_named(void)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"[]", "oauth.json:1:1: expected an object"},
        {"{\"issuer\": \"i\"}", "\"audience\" is missing"},
        {"{" REQUIRED "}", "\"roles\" must say which claims"},
        {"{" REQUIRED ", \"roles\": []}", "\"roles\" must say which claims"},
        {"{" REQUIRED ", \"role\": {}}", "unknown key \"role\" (did you mean \"roles\"?)"},
        {"{" REQUIRED ", \"roles\": {\"invoker\": {}}}",
         "\"invoker\" is not a role; legal are \"invoke\", \"monitor\" and \"administer\""},
        {"{" REQUIRED ", \"roles\": {\"invoke\": []}}", "must be an object of claims"},
        {"{" REQUIRED ", \"roles\": {\"invoke\": {\"scope\": \"x\"}}}", "must be a list of values"},
        {"{" REQUIRED ",\n \"roles\": {\"invoke\": {\"scope\": [1]}}}", "oauth.json:2:"},
        {"{" REQUIRED ", \"clock_skew_s\": 301, \"roles\": {}}", "from 0 to 300, not 301"},
        {"{" REQUIRED ", \"typ\": \"jwt\", \"roles\": {}}", "must be one of \"any\", \"at+jwt\""},
        {"{\"issuer\": \"i\", \"audience\": \"a\", \"jwks\": \"none.json\", \"roles\": {}}",
         "oauth.json: \"jwks\": "},
    };
    struct temporary temporary = temporary_make();
    struct issuer *issuer = NULL;
    struct error err = {0};
    char *keys = token_key_set(1);
    temporary_write(&temporary, "keys.json", keys);
    free(keys);
    CHECK_OK(issuer_read(&issuer, temporary.folder, &err), &err);
    CHECK(issuer == NULL); /* no file */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        temporary_write(&temporary, "oauth.json", cases[i].text);
        CHECK(!issuer_read(&issuer, temporary.folder, &err));
        CHECK(issuer == NULL);
        CHECK_CONTAINS(err.message, cases[i].part);
    }
    temporary_write(&temporary, "oauth.json", "// nothing yet\n{}");
    CHECK_OK(issuer_read(&issuer, temporary.folder, &err), &err);
    CHECK(issuer == NULL);
    temporary_write(&temporary, "oauth.json", "{" REQUIRED ", \"roles\": {}}");
    CHECK_OK(issuer_read(&issuer, temporary.folder, &err), &err);
    CHECK_EQ_INT(issuer->clock_skew_s, 60);
    issuer_free(issuer);
    temporary_remove(&temporary);
}

static bool write_rules(const struct temporary *temporary, unsigned count, struct error *err)
{
    struct issuer *issuer = NULL;
    struct buf text;
    buf_init(&text, 65536);
    buf_append_text(&text, "{" REQUIRED ", \"roles\": {\"invoke\": {\"client_id\": [\"0\"");
    for (unsigned i = 1; i < count; i++)
        buf_printf(&text, ", \"%u\"", i);
    buf_append_text(&text, "]}}}");
    temporary_write(temporary, "oauth.json", buf_text(&text));
    buf_release(&text);
    bool ok = issuer_read(&issuer, temporary->folder, err);
    issuer_free(issuer);
    return ok;
}

static void so_many_values_give_roles(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    char *keys = token_key_set(1);
    temporary_write(&temporary, "keys.json", keys);
    free(keys);
    CHECK_OK(write_rules(&temporary, ISSUER_RULES_MAX, &err), &err);
    CHECK_FAILS(write_rules(&temporary, ISSUER_RULES_MAX + 1, &err), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "more than 256 values");
    temporary_remove(&temporary);
}

/* ---- users.json ---- */

static void users_are_taken_out(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    struct users users;
    CHECK_FAILS(users_remove(temporary.folder, "ann", &err), &err, ERROR_NOT_FOUND);
    CHECK_OK(users_put(temporary.folder, "ann", "password", ROLE_INVOKE | ROLE_MONITOR, &err), &err);
    CHECK_OK(users_put(temporary.folder, "bob", "password", ROLE_MONITOR, &err), &err);
    CHECK_FAILS(users_remove(temporary.folder, "anna", &err), &err, ERROR_NOT_FOUND);
    CHECK_CONTAINS(err.message, "did you mean 'ann'?");
    CHECK_OK(users_remove(temporary.folder, "bob", &err), &err);
    CHECK_OK(users_read(&users, temporary.folder, &err), &err);
    CHECK_EQ_INT(users.count, 1);
    CHECK_EQ_TEXT(users.list[0].name, "ann");
    CHECK_EQ_INT(users.list[0].roles, ROLE_INVOKE | ROLE_MONITOR);
    users_release(&users);
    temporary_remove(&temporary);
}

/* A file that could not be read again is not written. */
static void there_are_at_most_so_many_users(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    struct buf text;
    buf_init(&text, 1u << 20);
    for (unsigned i = 0; i + 1 < USERS_MAX; i++)
        buf_printf(&text, "%s\"u%u\": {\"password_hash\": \"$y$x\"}", i ? ",\n" : "{", i);
    buf_append_char(&text, '}');
    temporary_write(&temporary, "users.json", buf_text(&text));
    buf_release(&text);
    CHECK_OK(users_put(temporary.folder, "last", "password", ROLE_INVOKE, &err), &err);
    CHECK_FAILS(users_put(temporary.folder, "beyond", "password", ROLE_INVOKE, &err), &err,
                ERROR_LIMIT);
    CHECK_OK(users_put(temporary.folder, "u7", "password", ROLE_INVOKE, &err), &err);
    temporary_remove(&temporary);
}

CHECK_MAIN(TEST(the_first_is_recorded_and_the_others_are_counted),
           TEST(a_flood_of_callers_makes_so_many_records), TEST(what_is_counted_is_said_at_the_end),
           TEST(faults_of_oauth_json_are_named), TEST(so_many_values_give_roles),
           TEST(users_are_taken_out), TEST(there_are_at_most_so_many_users))
