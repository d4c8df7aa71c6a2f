/* SPDX-License-Identifier: MIT */
/*
 * See seed.h. Some lifetimes with everything the seed has in store, then calm ones, which must bring
 * all to its end, and a last one that only runs the past again.
 */
#include "seed.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk.h"
#include "ledger.h"
#include "others.h"
#include "schedule.h"
#include "server_http.h"
#include "store_judge.h"
#include "world.h"

#define EFFECTS_OF_A_START 60 /* about as many as a process has before it asks its first peer */
#define EFFECTS_OF_A_FILE 70
#define EFFECTS_OF_A_RUN 150
#define BESIDE_PERMILLE 300  /* of the lifetimes of a seed that has it */
#define REST_S_MAX 7200      /* between two lifetimes */

/* ---- one lifetime, or two at a time ---------------------------------------------------------- */

static bool is_percent(unsigned percent)
{
    return draw_below(100) < percent;
}

static void plan_death(struct host *host)
{
    const struct plan *plan = &world->plan;
    if (world->is_calm || !is_percent(plan->kill_percent))
        return;
    host->kill_at = draw_chance(200) ? (int64_t)draw_between(1, EFFECTS_OF_A_START)
                                     : EFFECTS_OF_A_START + (int64_t)draw_below(EFFECTS_OF_A_FILE * 4);
    host->kill_after = draw_chance(500);
    host->cuts_power = is_percent(plan->cut_percent);
}

static enum lifetime_kind draw_kind(void)
{
    if (!is_percent(world->plan.ack_percent))
        return LIFETIME_TRANSFER;
    return draw_chance(700) ? LIFETIME_ACK : LIFETIME_NOTICE;
}

static void spawn(int index, const struct lifetime_place *place)
{
    struct host *host = &world->hosts[index];
    world->lifetimes++;
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        lifetime_main(index, place);
    host->pid = pid; /* the child shares host */
    host->is_alive = pid > 0;
    check_that(pid > 0, "the simulation cannot fork");
}

/* The hosts of world->hosts from their start to the last one's end. */
static void live(const struct lifetime_place *place)
{
    static const char *const kinds[] = {"transfer", "acknowledgements", "notice", "replay", "server"};
    bool cuts_power = false;
    for (unsigned i = 0; i < world->host_count; i++) {
        const struct host *host = &world->hosts[i];
        trace("---- host %u: %s%s", i, kinds[host->kind],
              host->kind != LIFETIME_TRANSFER ? "" : host->runs_buckets ? " from the bucket" : " from FTP");
        spawn((int)i, place);
    }
    schedule_turns();
    for (unsigned i = 0; i < world->host_count; i++)
        cuts_power |= world->hosts[i].is_dying && world->hosts[i].cuts_power;
    if (cuts_power) {
        mishap_count(MISHAP_POWER_CUT);
        disk_cut();
    }
    for (int i = 0; i < PLACE_COUNT; i++)
        place_is_awaited_no_more((enum place_id)i);
    store_judge(place->workspace, false);
}

static void live_one(enum lifetime_kind kind, bool runs_buckets, const struct lifetime_place *place)
{
    world->host_count = 1;
    world->hosts[0] = (struct host){.kind = kind, .runs_buckets = runs_buckets};
    plan_death(&world->hosts[0]);
    live(place);
}

/* A power cut ends both. */
static void live_two(const struct lifetime_place *place)
{
    world->host_count = 2;
    mishap_count(MISHAP_TWO_HOSTS);
    for (int i = 0; i < 2; i++) {
        struct host *host = &world->hosts[i];
        *host = (struct host){.kind = i ? draw_kind() : LIFETIME_TRANSFER,
                              .runs_buckets = i ? draw_chance(500) : world->plan.source_is_bucket};
        plan_death(host);
        host->cuts_power = false;
    }
    live(place);
}

static enum place_id own_source(void)
{
    return world->plan.source_is_bucket ? PLACE_CCS_BUCKET : PLACE_CCS_FTP;
}

/* From now on, for the processes that begin. */
static void point_connections(bool source_away, bool target_away, const struct lifetime_place *place,
                              const struct signing_key *key)
{
    struct error err = {0};
    trace("the source is %s, the target %s", source_away ? "away" : "at home",
          target_away ? "away" : "at home");
    world->is_source_away = source_away;
    world->is_target_away = target_away;
    world->was_target_away |= target_away;
    if (!plan_write_connections(place->workspace, key, &err))
        violation("the connections cannot be written: %s", err.message);
}

/* What the spare servers do not have tells nothing of what is at home. */
static void live_away(const struct lifetime_place *place, const struct signing_key *key)
{
    if (!mishap_happens(MISHAP_REPOINTED, world->hosts[0].is_dying ? 700 : 150)) /* as people do then */
        return;
    bool is_source = draw_later_chance(600);
    point_connections(is_source, !is_source || draw_later_chance(200), place, key);
    live_one(LIFETIME_TRANSFER, world->plan.source_is_bucket, place);
    point_connections(false, false, place, key);
}

/* The server has opened its store before the other host's first run: what that one leaves comes later. */
static void live_beside(const struct lifetime_place *place)
{
    struct host *runs = &world->hosts[0];
    world->host_count = 2;
    *runs = (struct host){.kind = LIFETIME_TRANSFER, .runs_buckets = world->plan.source_is_bucket,
                          .more_runs = (unsigned)draw_between(1, 3)};
    world->hosts[1] = (struct host){.kind = LIFETIME_SERVER};
    plan_death(runs);
    runs->kill_at += runs->kill_at ? (int64_t)draw_below(runs->more_runs * EFFECTS_OF_A_RUN) : 0;
    runs->cuts_power = false;
    live(place);
}

static void live_stormy(const struct lifetime_place *place)
{
    bool is_other = draw_chance(150);
    for (uint64_t i = draw_below(world->plan.file_count + 1); i > 0; i--)
        others_produce(own_source());
    if (mishap_happens(MISHAP_SERVER_BESIDE, BESIDE_PERMILLE))
        live_beside(place);
    else if (is_percent(world->plan.two_hosts_percent))
        live_two(place);
    else
        live_one(draw_kind(), world->plan.source_is_bucket != is_other, place);
    world_pass((int64_t)draw_below(REST_S_MAX) * NS_PER_S);
    object_forget_uploads();
    for (int i = 0; i < 5; i++)
        others_act();
}

/* ---- the seed -------------------------------------------------------------------------------- */

static void begin(void)
{
    for (unsigned i = 0; i < world->plan.file_count; i++)
        others_produce(own_source());
    world_pass((int64_t)draw_below(10) * NS_PER_S);
}

/* A file that must be left alone makes a run that says so. */
static bool has_refused(enum place_id place)
{
    for (unsigned i = 0; i < world->extract_count; i++)
        if (world->extracts[i].place == place && world->extracts[i].is_refused)
            return true;
    return false;
}

/* What is in doubt at a spare server is told there, and what was left is removed there. */
static void settle_away(enum lifetime_kind kind, const struct lifetime_place *place,
                        const struct signing_key *key)
{
    world->skew_ns = 0; /* or the storage answers 401 to a clock that is years off */
    point_connections(false, true, place, key);
    live_one(kind, world->plan.source_is_bucket, place);
    point_connections(false, false, place, key);
}

/* The same flows as before, undisturbed: whatever was left comes to its end. First what is in doubt: while
 * all that it is about lies where the host left it, it can be told. */
static void end(const struct lifetime_place *place, const struct signing_key *key)
{
    world->is_calm = true;
    trace("---- calm");
    if (world->was_target_away)
        settle_away(LIFETIME_NOTICE, place, key);
    live_one(LIFETIME_NOTICE, false, place);
    others_settle();
    for (int i = 0; i < 2; i++) {
        live_one(LIFETIME_TRANSFER, i == 1, place);
        check_that(world->hosts[0].ok, "a calm run was refused: %s", world->hosts[0].error);
        check_that(world->hosts[0].exit_status == 0 || has_refused(i ? PLACE_CCS_BUCKET : PLACE_CCS_FTP),
                   "a calm run failed: %s", world->hosts[0].error);
    }
    if (world->was_target_away)
        settle_away(LIFETIME_TRANSFER, place, key);
    others_take_all();
    ledger_judge();
    store_judge(place->workspace, true);
    live_one(LIFETIME_REPLAY, false, place);
}

bool seed_run(struct seed seed, const struct lifetime_place *place, const struct signing_key *key,
              bool is_tracing)
{
    struct error err = {0};
    char about[400], text[SEED_TEXT_SIZE];
    world->is_tracing = is_tracing;
    world_begin(seed.number);
    world->plan.later = seed.later;
    plan_draw();
    plan_describe(about, sizeof about);
    trace("seed %s: %s", seed_text(seed, text), about);
    disk_begin();
    if (!plan_write_workspace(place->workspace, key, &err)) {
        violation("the workspace cannot be written: %s", err.message);
        return false;
    }
    begin();
    for (unsigned i = 0; i < world->plan.lifetimes && !world->violation[0]; i++) {
        live_stormy(place);
        live_away(place, key);
    }
    if (!world->violation[0])
        end(place, key);
    return !world->violation[0];
}
