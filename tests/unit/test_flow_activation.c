/* SPDX-License-Identifier: MIT */
/* Which version of a flow is active, what keeps one from it, and what the trail says. */
#include "flow/activation.h"

#include "fake_scheduled.h"
#include "store/store_activation.h"

static struct temporary folder;
static struct host host;
static struct error err;

static void begin(void)
{
    folder = temporary_make();
    fake_set_clock("2026-11-24T00:00:00Z");
    host_open(&host, &folder, "{}");
}

static void end(void)
{
    host_close(&host);
    temporary_remove(&folder);
}

/* "old new": a '+' for each version of A that is active. */
static const char *active(void)
{
    static char text[4];
    snprintf(text, sizeof text, "%c%c", service_is_active(host.service, FLOW_A) ? '+' : '-',
             service_is_active(host.service, FLOW_A_NEW) ? '+' : '-');
    return text;
}

/* A decision about a version whose module is not there any more, or not yet. */
static void decide(const char *version, enum decision decision, int64_t at_ms)
{
    const struct activation_record record = {.flow = "A", .version = version, .decision = decision,
                                             .actor = "bob", .at_ms = at_ms};
    CHECK_OK(store_set_activations(service_store(host.service), &record, 1, &err), &err);
}

static bool activate(size_t flow)
{
    return activation_activate(host.service, flow, NULL, &fake_actor, NULL, NULL, &err);
}

static void without_a_decision_the_newest_is_active(void)
{
    begin();
    CHECK_EQ_TEXT(active(), "-+");
    service_workspace(host.service)->activation = ACTIVATION_EXPLICIT;
    decide("02.00.0000", DECISION_ACTIVE, 1); /* another line; the table is read again */
    CHECK_EQ_TEXT(active(), "--");
    end();
}

static void one_of_a_line_is_active(void)
{
    begin();
    CHECK_OK(activate(FLOW_A), &err);
    CHECK_EQ_TEXT(active(), "+-");
    CHECK_FAILS(activate(FLOW_A), &err, ERROR_EXISTS);
    CHECK_OK(activate(FLOW_A_NEW), &err);
    CHECK_EQ_TEXT(active(), "-+");
    CHECK_OK(activation_deactivate(host.service, FLOW_A_NEW, &fake_actor, &err), &err);
    CHECK_EQ_TEXT(active(), "--");
    CHECK_FAILS(activation_deactivate(host.service, FLOW_A_NEW, &fake_actor, &err), &err, ERROR_EXISTS);
    end();
}

static void a_patch_inherits_what_was_decided(void)
{
    begin();
    decide("01.23.2999", DECISION_INACTIVE, 1);
    CHECK_EQ_TEXT(active(), "--");
    decide("01.23.2998", DECISION_ACTIVE, 2); /* newer, of a version that was replaced */
    CHECK_EQ_TEXT(active(), "-+");
    decide("01.23.3000", DECISION_ACTIVE, 3); /* of one that is there */
    CHECK_EQ_TEXT(active(), "+-");
    decide("01.23.3000", DECISION_NONE, 4);
    CHECK_EQ_TEXT(active(), "-+");
    end();
}

static void a_name_means_the_active_version(void)
{
    size_t index = 99;
    begin();
    CHECK_OK(activation_find(host.service, "A", &index, &err), &err);
    CHECK_EQ_INT(index, FLOW_A_NEW);
    CHECK_OK(activate(FLOW_A), &err);
    CHECK_OK(activation_find(host.service, "A", &index, &err), &err);
    CHECK_EQ_INT(index, FLOW_A);
    CHECK_OK(activation_deactivate(host.service, FLOW_A, &fake_actor, &err), &err);
    CHECK_FAILS(activation_find(host.service, "A", &index, &err), &err, ERROR_REFUSED);
    CHECK_CONTAINS(err.message, "of flow 'A' is not active: sluice activate 'A|");
    CHECK_FAILS(activation_find(host.service, "C", &index, &err), &err, ERROR_NOT_FOUND);
    end();
}

/* ---- connections ------------------------------------------------------------------------------- */

static void add_problem(void *context, const char *connection, const struct error *why)
{
    char *text = context;
    snprintf(text + strlen(text), 256 - strlen(text), "%s: %.40s; ", connection, why->message);
}

static void connections_that_do_not_work_are_named(void)
{
    char problems[256] = "";
    begin();
    fake_peers_answer = false;
    CHECK_FAILS(activation_activate(host.service, FLOW_B, NULL, &fake_actor, add_problem, problems, &err),
                &err, ERROR_REFUSED);
    CHECK_EQ_TEXT(problems, "SOURCE: connection 'SOURCE': nobody answers; "
                            "TARGET: no connection is called 'TARGET' (see co; ");
    CHECK_CONTAINS(err.message, "flow 'B' cannot be activated: 2 of its connections are not usable, the "
                                "first: connection 'SOURCE': nobody answers");
    CHECK(service_is_active(host.service, FLOW_B)); /* as before: nothing was changed */
    fake_peers_answer = true;
    CHECK_FAILS(activate(FLOW_B), &err, ERROR_REFUSED);
    CHECK_CONTAINS(err.message, "cannot be activated: no connection is called 'TARGET'");
    end();
}

/* ---- tracing ----------------------------------------------------------------------------------- */

static enum tracing level_of(const struct service *service, size_t flow)
{
    return activation_tracing(service, service_manifest(service, flow));
}

/* As for an execution that goes on with the module that it began with, which was replaced since. */
static void a_level_without_a_version_is_the_workspace_s(void)
{
    begin();
    char version[] = "00.00.0001";
    struct manifest gone = *service_manifest(host.service, FLOW_A);
    gone.version = version;
    service_workspace(host.service)->tracing = TRACING_AUDIT;
    CHECK_OK(activation_set_tracing(host.service, FLOW_A, TRACING_DEBUG, &fake_actor, &err), &err);
    CHECK_EQ_INT(activation_tracing(host.service, &gone), TRACING_AUDIT);
    end();
}

static void a_level_stays_with_its_version(void)
{
    struct activation activation;
    enum tracing level = TRACING_AUDIT;
    begin();
    service_workspace(host.service)->tracing = TRACING_AUDIT;
    CHECK_EQ_INT(level_of(host.service, FLOW_A_NEW), TRACING_AUDIT);
    CHECK_OK(activation_set_tracing(host.service, FLOW_A_NEW, TRACING_DEBUG, &fake_actor, &err), &err);
    CHECK_OK(activation_get(host.service, FLOW_A_NEW, &activation, &err), &err);
    CHECK(activation.is_active && !activation.is_decided);
    CHECK_OK(activate(FLOW_A_NEW), &err);
    fake_set_clock("2026-11-24T01:00:00Z");
    CHECK_OK(activate(FLOW_A), &err);
    CHECK_EQ_INT(level_of(host.service, FLOW_A_NEW), TRACING_DEBUG);
    CHECK_EQ_INT(level_of(host.service, FLOW_A), TRACING_AUDIT);
    fake_set_clock("2026-11-24T02:00:00Z");
    const struct actor other = {"eve", ""};
    CHECK_OK(activation_set_tracing(host.service, FLOW_A, TRACING_PRODUCTION, &other, &err), &err);
    CHECK_OK(activation_get(host.service, FLOW_A, &activation, &err), &err);
    CHECK_EQ_TEXT(activation.actor, "ann"); /* who activated it, and when */
    CHECK_EQ_INT(activation.at_ms, fake_instant("2026-11-24T01:00:00Z"));
    CHECK_EQ_INT(activation.tracing, TRACING_PRODUCTION);
    CHECK_OK(tracing_parse("Debug", &level, &err), &err);
    CHECK_EQ_INT(level, TRACING_DEBUG);
    CHECK_FAILS(tracing_parse("produktion", &level, &err), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "did you mean 'production'?");
    end();
}

/* ---- the trail --------------------------------------------------------------------------------- */

static bool add_audit(void *context, const struct audit_record *row)
{
    char *text = context;
    snprintf(text + strlen(text), 1024 - strlen(text), "%s %s %s %s %s; ", row->actor, row->address,
             row->action, row->subject, row->outcome);
    return true;
}

static void changes_and_refusals_are_in_the_trail(void)
{
    char text[1024] = "";
    const struct audit_filter filter = {.limit = 0};
    begin();
    fake_peers_answer = false;
    CHECK(!activate(FLOW_B));
    CHECK_OK(activate(FLOW_A), &err);
    CHECK_OK(activation_deactivate(host.service, FLOW_A, &fake_actor, &err), &err);
    CHECK_OK(activation_set_tracing(host.service, FLOW_A, TRACING_DEBUG, &fake_actor, &err), &err);
    CHECK_OK(store_audits(service_store(host.service), &filter, add_audit, text, &err), &err);
    CHECK_EQ_TEXT(text, "ann 192.0.2.1 tracing A|01.23.3000 done; "
                        "ann 192.0.2.1 deactivate A|01.23.3000 done; "
                        "ann 192.0.2.1 activate A|01.23.3000 done; "
                        "ann 192.0.2.1 activate B|01.23.3000 refused; ");
    end();
}

CHECK_MAIN(TEST(without_a_decision_the_newest_is_active), TEST(one_of_a_line_is_active),
           TEST(a_patch_inherits_what_was_decided), TEST(a_name_means_the_active_version),
           TEST(connections_that_do_not_work_are_named), TEST(a_level_stays_with_its_version),
           TEST(a_level_without_a_version_is_the_workspace_s),
           TEST(changes_and_refusals_are_in_the_trail))
