/* SPDX-License-Identifier: MIT */
/* A workspace as a whole: written, opened, inspected; settings, schedules and names in errors. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/file.h"
#include "check.h"
#include "unit/temporary.h"
#include "workspace/inspect.h"
#include "workspace/properties.h"
#include "base/log.h"
#include "workspace/workspace.h"

static struct temporary make_workspace(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    CHECK_OK(workspace_init(temporary_path(&temporary, "w"), &err), &err);
    return temporary;
}

static void a_new_workspace_opens(void)
{
    static const char *const names[] = {
        "OU FTP CCS for CCS-DACS",  "OU REST CCS OS for CCS-DACS",  "OU FTP DACS for CCS-DACS",
        "OU REST DACS OS for CCS-DACS", "OU REST DACS for CCS-DACS", "OU REST CCS for CCS-DACS",
        "OU REST for CCS-DACS",     "OU REST OIC for CCS-DACS",     "OU SMTP for CCS-DACS"};
    struct temporary temporary = make_workspace();
    struct workspace *workspace = NULL;
    struct error err = {0};
    CHECK_OK(workspace_open(&workspace, temporary_path(&temporary, "w"), NULL, &err), &err);
    if (!workspace)
        return;
    CHECK_EQ_INT(workspace->snapshot->connection_count, 9);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool found = workspace_connection(workspace, names[i], &err) != NULL;
        CHECK(found || strstr(err.message, "is disabled"));
    }
    CHECK_EQ_INT(workspace->snapshot->lookup_count, 2);
    for (size_t i = 0; i < property_count; i++) {
        const struct lookup *lookup = workspace_lookup(workspace, properties[i].lookup, &err);
        const char *value = lookup ? lookup_get(lookup, properties[i].name) : NULL;
        CHECK(value != NULL);
        if (value)
            CHECK_EQ_TEXT(property_complaint(&properties[i], value), NULL);
    }
    CHECK_EQ_INT(workspace->file_size_max, 1 << 30);
    CHECK_EQ_INT(workspace->store_size_max, INT64_C(16) << 30);
    CHECK_EQ_INT(workspace->schedules.count, 0);
    CHECK_CONTAINS(workspace->store_file, "/w/state/sluice.db");
    CHECK_CONTAINS(workspace->cache_folder, "/compiled");
    workspace_close(workspace);
    temporary_remove(&temporary);
}

static void init_touches_nothing_that_exists(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    temporary_write(&temporary, "schedules.json", "{}");
    CHECK_FAILS(workspace_init(temporary.folder, &err), &err, ERROR_EXISTS);
    CHECK_CONTAINS(err.message, "already has a file schedules.json; nothing was written");
    CHECK(!file_exists(temporary_path(&temporary, "sluice.json")));
    temporary_remove(&temporary);
}

/* Where no file may be larger than size; gives whether init failed as it should. */
static int init_with_room(const char *folder, rlim_t size)
{
    const struct rlimit limit = {.rlim_cur = size, .rlim_max = size};
    struct error err = {0};
    signal(SIGXFSZ, SIG_IGN);
    return setrlimit(RLIMIT_FSIZE, &limit) != 0 || workspace_init(folder, &err) ? 1 : 0;
}

static void init_that_fails_leaves_no_file(void)
{
    struct temporary temporary = temporary_make();
    struct error err = {0};
    struct stat largest;
    CHECK_OK(workspace_init(temporary_path(&temporary, "good"), &err), &err);
    CHECK_EQ_INT(stat(temporary_path(&temporary, "good/connections.json"), &largest), 0);
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        _exit(init_with_room(temporary_path(&temporary, "bad"), (rlim_t)largest.st_size - 1));
    int status = -1;
    CHECK_EQ_INT(waitpid(pid, &status, 0), pid);
    CHECK_EQ_INT(status, 0);
    CHECK(!file_exists(temporary_path(&temporary, "bad/sluice.json")));
    CHECK(!file_exists(temporary_path(&temporary, "bad/connections.json")));
    CHECK_OK(workspace_init(temporary_path(&temporary, "bad"), &err), &err);
    temporary_remove(&temporary);
}

static void names_that_do_not_exist_get_the_nearest(void)
{
    struct temporary temporary = make_workspace();
    struct workspace *workspace = NULL;
    struct error err = {0};
    CHECK_OK(workspace_open(&workspace, temporary_path(&temporary, "w"), NULL, &err), &err);
    if (!workspace)
        return;
    CHECK(!workspace_connection(workspace, "OU FTP CCS for CCS-DAC", &err));
    CHECK_EQ_TEXT(err.message, "no connection is called 'OU FTP CCS for CCS-DAC'; did you mean "
                               "'OU FTP CCS for CCS-DACS'? (see connections.json)");
    CHECK(!workspace_connection(workspace, "OU REST CCS OS for CCS-DACS", &err));
    CHECK_EQ_TEXT(err.message, "connection 'OU REST CCS OS for CCS-DACS' is disabled: fill in its "
                               "fields and remove \"disabled\" in connections.json");
    CHECK(!workspace_lookup(workspace, "OUTL-BRT-CCS_DACS_Email", &err));
    CHECK_EQ_TEXT(err.message, "no lookup is called 'OUTL-BRT-CCS_DACS_Email'; did you mean "
                               "'OUTL-BRT-CCS_DACS_Email_ID'? (see lookups/)");
    CHECK_EQ_INT(err.kind, ERROR_NOT_FOUND);
    workspace_close(workspace);
    temporary_remove(&temporary);
}

static void expect_complaint(const char *file, const char *text, const char *message)
{
    struct temporary temporary = make_workspace();
    struct workspace *workspace = NULL;
    struct error err = {0};
    char name[64];
    snprintf(name, sizeof name, "w/%s", file);
    temporary_write(&temporary, name, text);
    CHECK_FAILS(workspace_open(&workspace, temporary_path(&temporary, "w"), NULL, &err), &err,
                ERROR_INVALID);
    CHECK_EQ_TEXT(err.message, message);
    temporary_remove(&temporary);
}

static void settings_are_checked(void)
{
    expect_complaint("sluice.json", "// x\n{ \"retention\": 3 }",
                     "sluice.json:2:3: unknown key \"retention\"; legal here: \"functions\", "
                     "\"cache\", \"state\", \"store\", \"ca\", \"event_sink\", \"callers\", "
                     "\"schedules\", \"lambda_answers\", \"base_url\", \"file_size_max\", \"memory_mib_max\", "
                     "\"run_wall_s_max\", \"retention_days\", \"store_size_max\", \"activation\", "
                     "\"tracing\", \"schedule_workers\", \"filters\", \"log\", \"metrics\", \"traces\", \"server\"");
    expect_complaint("sluice.json", "{\"store\": \"memoy\"}",
                     "sluice.json:1:2: \"store\" must be one of \"file\", \"memory\"; did you mean "
                     "\"memory\"?");
    expect_complaint("sluice.json", "{\"callers\": true}",
                     "sluice.json:1:2: \"callers\" must be one of \"users\", \"platform\"");
    expect_complaint("sluice.json", "{\"event_sink\": \"https://u:p@h/\"}",
                     "sluice.json:1:2: \"event_sink\" must not hold a user or password; use "
                     "\"user\" and \"password\"");
    expect_complaint("sluice.json", "{\"file_size_max\": \"many\"}",
                     "sluice.json:1:2: \"file_size_max\" must be a size from 0 B to 10.0 TiB: bytes, "
                     "or text such as \"64MiB\"");
    expect_complaint("sluice.json", "{\"memory_mib_max\": 1025}",
                     "sluice.json:1:2: \"memory_mib_max\" must be a whole number from 1 to 1024, not 1025");
    expect_complaint("sluice.json", "{\"base_url\": \"example.com\"}",
                     "sluice.json:1:2: \"base_url\" must begin with https:// or http://");
    expect_complaint("schedules.json", "{\"F\": {\"recurrence\": \"daily\"}}",
                     "schedules.json:1:8: schedule of 'F': \"recurrence\" must be an RRULE value such "
                     "as \"FREQ=DAILY;BYHOUR=2;BYMINUTE=30\"");
    expect_complaint("schedules.json", "{\"F\": {\"recurrence\": \"FREQ=DAILY\", \"parameters\": []}}",
                     "schedules.json:1:36: schedule of 'F': \"parameters\" must be an object "
                     "{ \"name\": \"value\" }");
    expect_complaint("schedules.json", "{\"F\": {\"recurrence\": \"FREQ=DAILY\","
                     " \"parameters\": {\"p\": 1}}}",
                     "schedules.json:1:51: schedule of 'F': parameter \"p\" must be text in quotes "
                     "without control characters");
    expect_complaint("schedules.json", "{\"F\": {\"recurrence\": \"FREQ=DAILY\", \"time_zone\": \"/etc\"}}",
                     "schedules.json:1:36: schedule of 'F': \"time_zone\" must be a name such as "
                     "\"Europe/Berlin\" or \"UTC\"");
    expect_complaint("schedules.json", "{\"F\": {\"every\": 1}}",
                     "schedules.json:1:8: schedule of 'F': unknown key \"every\"; legal here: "
                     "\"recurrence\", \"time_zone\", \"start\", \"end\", \"missed\", \"parameters\"");
    expect_complaint("lookups/OUTL-BRT-CCS_DACS_Email_ID.csv", "Recipient,Email_Id\nto,a@b\nto,c@d\n",
                     "lookups/OUTL-BRT-CCS_DACS_Email_ID.csv:3: 'to' is given twice");
}

static void telemetry_is_checked(void)
{
    static const char *const complaints[][2] = {
        {"{\"log\": 1}", "1:2: \"log\" must be an object"},
        {"{\"log\": {\"format\": \"jsn\"}}",
         "1:10: log: \"format\" must be one of \"auto\", \"json\", \"text\"; did you mean \"json\"?"},
        {"{\"log\": {\"level\": \"all\"}}",
         "1:10: log: \"level\" must be one of \"debug\", \"info\", \"warning\", \"error\""},
        {"{\"metrics\": {\"lissen\": \"x\"}}",
         "1:14: metrics: unknown key \"lissen\" (did you mean \"listen\"?); legal here: \"listen\""},
        {"{\"traces\": {}}", "1:2: traces: \"endpoint\" is missing"},
        {"{\"traces\": {\"endpoint\": \"collector:4318\"}}",
         "1:13: traces: \"endpoint\" must begin with https:// or http://"},
        {"{\"traces\": {\"endpoint\": \"http://c\", \"header\": \"X\"}}",
         "1:2: traces: \"header\" and \"secret\" go together"},
        {"{\"traces\": {\"endpoint\": \"http://c\", \"header\": \"X Y\", \"secret\": {\"env\": \"S\"}}}",
         "1:2: traces: \"header\" must be the name of a header field, such as \"Authorization\""},
        {"{\"traces\": {\"endpoint\": \"http://c\", \"queue_max\": 0}}",
         "1:37: traces: \"queue_max\" must be a whole number from 1 to 100000, not 0"},
        {"{\"traces\": {\"endpoint\": \"http://c\", \"queue_max\": 100001}}",
         "1:37: traces: \"queue_max\" must be a whole number from 1 to 100000, not 100001"},
        {"{\"traces\": {\"endpoint\": \"http://c\", \"sample_one_in\": 1000001}}",
         "1:37: traces: \"sample_one_in\" must be a whole number from 0 to 1000000, not 1000001"},
    };
    char expected[256];
    for (size_t i = 0; i < sizeof complaints / sizeof complaints[0]; i++) {
        snprintf(expected, sizeof expected, "sluice.json:%s", complaints[i][1]);
        expect_complaint("sluice.json", complaints[i][0], expected);
    }
}

static void telemetry_is_used(void)
{
    struct temporary temporary = make_workspace();
    struct workspace *workspace = NULL;
    struct error err = {0};
    CHECK_OK(workspace_open(&workspace, temporary_path(&temporary, "w"), NULL, &err), &err);
    CHECK_EQ_INT(workspace->log.level, LOG_INFO);
    CHECK_EQ_INT(workspace->log.format, LOG_CHOICE_AUTO);
    CHECK(!workspace->metrics.listen && !workspace->traces.endpoint);
    workspace_close(workspace);
    temporary_write(&temporary, "w/sluice.json",
                    "{\"log\": {\"format\": \"text\", \"level\": \"warning\", \"file\": \"sluice.log\"},"
                    " \"metrics\": {\"listen\": \"127.0.0.1:9464\"},"
                    " \"traces\": {\"endpoint\": \"http://collector:4318/\", \"ca\": \"otel\","
                    " \"header\": \"Authorization\", \"secret\": {\"env\": \"S\"}, \"sample_one_in\": 0}}");
    CHECK_OK(workspace_open(&workspace, temporary_path(&temporary, "w"), NULL, &err), &err);
    CHECK_EQ_INT(workspace->log.level, LOG_WARNING);
    CHECK_EQ_INT(workspace->log.format, LOG_CHOICE_TEXT);
    CHECK_CONTAINS(workspace->log.file, "/w/sluice.log");
    CHECK_EQ_TEXT(workspace->metrics.listen, "127.0.0.1:9464");
    CHECK_EQ_TEXT(workspace->traces.endpoint, "http://collector:4318");
    CHECK_CONTAINS(workspace->traces.ca_file, "/w/certificates/otel.pem");
    CHECK_EQ_TEXT(workspace->traces.header, "Authorization");
    CHECK_EQ_TEXT(workspace->traces.secret.env, "S");
    CHECK_EQ_TEXT(workspace->traces.service, "sluice");
    CHECK_EQ_INT(workspace->traces.sample_one_in, 0);
    CHECK_EQ_INT(workspace->traces.queue_max, 4096);
    workspace_close(workspace);
    temporary_remove(&temporary);
}

static void settings_are_used(void)
{
    struct temporary temporary = make_workspace();
    struct workspace *workspace = NULL;
    struct error err = {0};
    temporary_write(&temporary, "w/sluice.json",
                    "{\"functions\": \"mine\", \"state\": \"/x/y\", \"file_size_max\": 0,"
                    " \"retention_days\": 7, \"store_size_max\": \"2GiB\"}");
    temporary_write(&temporary, "w/schedules.json",
                    "{\"F\": {\"recurrence\": \"FREQ=DAILY\", \"parameters\": {\"p\": \"v\"}}}");
    CHECK_OK(workspace_open(&workspace, temporary_path(&temporary, "w"), NULL, &err), &err);
    if (!workspace)
        return;
    CHECK_CONTAINS(workspace->functions_folder, "/w/mine");
    CHECK_CONTAINS(workspace->cache_folder, "/w/mine/compiled");
    CHECK_EQ_TEXT(workspace->store_file, "/x/y/sluice.db");
    CHECK_EQ_INT(workspace->file_size_max, 0);
    CHECK_EQ_INT(workspace->retention_days, 7);
    CHECK_EQ_INT(workspace->store_size_max, INT64_C(2) << 30);
    CHECK_EQ_INT(workspace->schedules.count, 1);
    CHECK_EQ_TEXT(workspace->schedules.items[0].time_zone, "UTC");
    CHECK_EQ_TEXT(workspace->schedules.items[0].parameters[0].value, "v");
    workspace_close(workspace);
    CHECK_OK(workspace_open(&workspace, temporary_path(&temporary, "w"), "/usr", &err), &err);
    CHECK_EQ_TEXT(workspace->functions_folder, "/usr");
    workspace_close(workspace);
    setenv("SLUICE_FUNCTIONS", "/etc", 1);
    CHECK_OK(workspace_open(&workspace, temporary_path(&temporary, "w"), NULL, &err), &err);
    CHECK_EQ_TEXT(workspace->functions_folder, "/etc");
    workspace_close(workspace);
    unsetenv("SLUICE_FUNCTIONS");
    temporary_remove(&temporary);
}

static void settings_for_platforms_are_used(void)
{
    struct temporary temporary = make_workspace();
    struct workspace *workspace = NULL;
    struct error err = {0};
    temporary_write(&temporary, "w/sluice.json",
                    "{\"store\": \"memory\", \"ca\": \"ours\", \"event_sink\": \"https://sink/x/\","
                    " \"callers\": \"platform\", \"lambda_answers\": \"streamed\"}");
    temporary_write(&temporary, "w/connections.json",
                    "{\"A\": {\"type\": \"rest\", \"url\": \"https://h\", \"auth\": \"none\"},"
                    " \"B\": {\"type\": \"rest\", \"url\": \"https://h\", \"auth\": \"none\","
                    " \"ca\": \"/its/own.pem\"}, \"C\": {\"type\": \"local\"}}");
    CHECK_OK(workspace_open(&workspace, temporary_path(&temporary, "w"), NULL, &err), &err);
    if (!workspace)
        return;
    CHECK_EQ_TEXT(workspace->store_file, ":memory:");
    CHECK_EQ_TEXT(workspace->event_sink, "https://sink/x");
    CHECK_EQ_INT(workspace->callers, CALLERS_PLATFORM);
    CHECK_EQ_INT(workspace->lambda_answers, ANSWERS_STREAMED);
    CHECK_OK(workspace_reload(workspace, &err), &err);
    const struct connection *connections = workspace->snapshot->connections;
    CHECK_CONTAINS(connections[0].ca_file, "/w/certificates/ours.pem");
    CHECK_EQ_TEXT(connections[1].ca_file, "/its/own.pem");
    CHECK(connections[2].ca_file == NULL);
    workspace_close(workspace);
    temporary_remove(&temporary);
}

static void a_workspace_is_found_upwards(void)
{
    struct temporary temporary = make_workspace();
    struct error err = {0};
    char *folder = NULL;
    CHECK_OK(workspace_find(temporary_path(&temporary, "w/lookups"), &folder, &err), &err);
    CHECK_EQ_TEXT(folder, temporary_path(&temporary, "w"));
    free(folder);
    CHECK_FAILS(workspace_find(temporary.folder, &folder, &err), &err, ERROR_NOT_FOUND);
    CHECK_CONTAINS(err.message, "name one with -w DIR, or write one with `sluice init DIR`");
    temporary_remove(&temporary);
}

static void lookups_are_saved(void)
{
    struct temporary temporary = make_workspace();
    struct workspace *workspace = NULL;
    struct error err = {0};
    const char *folder = temporary_path(&temporary, "w");
    CHECK_OK(workspace_open(&workspace, folder, NULL, &err), &err);
    if (!workspace)
        return;
    CHECK_OK(lookup_set(&workspace->snapshot->lookups[1], "TO", "x@y", &err), &err);
    CHECK_OK(workspace_put_lookup(workspace, &workspace->snapshot->lookups[1], LOOKUP_ANY, &err), &err);
    workspace_close(workspace);
    CHECK_OK(workspace_open(&workspace, folder, NULL, &err), &err);
    CHECK_EQ_TEXT(lookup_get(&workspace->snapshot->lookups[1], "to"), "x@y");
    workspace_close(workspace);
    temporary_remove(&temporary);
}

static void collect(void *context, const struct finding *finding)
{
    buf_printf(context, "%d %s: %s -> %s\n", finding->level, finding->subject, finding->text,
               finding->remedy);
}

static void inspection_lists_what_is_missing(void)
{
    struct temporary temporary = make_workspace();
    struct workspace *workspace = NULL;
    struct error err = {0};
    struct buf text;
    buf_init(&text, 65536);
    temporary_write(&temporary, "w/pw", "secret\n");
    chmod(temporary_path(&temporary, "w/pw"), 0644);
    temporary_write(&temporary, "w/not.pem", "hello");
    temporary_write(&temporary, "w/connections.json",
                    "{\"A\": {\"type\": \"ftp\", \"host\": \"h\", \"user\": \"u\", \"tls\": \"none\","
                    " \"password\": {\"file\": \"pw\"}},"
                    " \"B\": {\"type\": \"smtp\", \"host\": \"h\", \"tls_verify\": false,"
                    " \"ca\": \"not.pem\"},"
                    " \"C\": {\"type\": \"ftp\", \"host\": \"h\", \"user\": \"u\","
                    " \"password\": {\"env\": \"SLUICE_TEST_UNSET\"}},"
                    " \"D\": {\"type\": \"local\"}}");
    temporary_write(&temporary, "w/lookups/OUTL-BRT-CCS_DACS_Email_ID.csv",
                    "Recipient,Email_Id\nfrom,me\nto,a@b\n");
    CHECK_OK(workspace_open(&workspace, temporary_path(&temporary, "w"), NULL, &err), &err);
    if (!workspace)
        return;
    workspace_inspect(workspace, collect, &text);
    CHECK_CONTAINS(buf_text(&text), "2 connection 'A': plain transport: credentials and files can be "
                                    "read by anybody on the way -> set \"tls\" to \"explicit\"");
    CHECK_CONTAINS(buf_text(&text), "2 connection 'A': password: other users may read or change '");
    CHECK_CONTAINS(buf_text(&text), "-> chmod 600 ");
    CHECK_CONTAINS(buf_text(&text), "2 connection 'B': certificates are not verified");
    CHECK_CONTAINS(buf_text(&text), "holds no PEM CERTIFICATE");
    CHECK_CONTAINS(buf_text(&text), "3 connection 'C': password: environment variable "
                                    "SLUICE_TEST_UNSET is not set -> export SLUICE_TEST_UNSET=...");
    CHECK_CONTAINS(buf_text(&text), "0 connection 'D': local");
    CHECK_CONTAINS(buf_text(&text), "property 'from' is 'me' but must be a mail address");
    CHECK_CONTAINS(buf_text(&text), "property 'to.process.notification' is missing");
    CHECK_CONTAINS(buf_text(&text), "0 lookup 'OUTL-BRT-CCS_DACS_ConfigProps': 14 properties");
    CHECK(strstr(buf_text(&text), "secret\n") == NULL);
    workspace_close(workspace);
    buf_release(&text);
    temporary_remove(&temporary);
}

static void a_folder_without_settings_is_no_workspace(void)
{
    struct temporary temporary = temporary_make();
    struct workspace *workspace = NULL;
    struct error err = {0};
    CHECK_FAILS(workspace_open(&workspace, temporary.folder, NULL, &err), &err, ERROR_NOT_FOUND);
    CHECK_CONTAINS(err.message, "is not a workspace: it has no sluice.json");
    temporary_write(&temporary, "sluice.json", "{}");
    CHECK_FAILS(workspace_open(&workspace, temporary.folder, NULL, &err), &err, ERROR_NOT_FOUND);
    CHECK_CONTAINS(err.message, "connections.json");
    temporary_remove(&temporary);
}

CHECK_MAIN(TEST(a_new_workspace_opens), TEST(init_touches_nothing_that_exists),
           TEST(init_that_fails_leaves_no_file), TEST(names_that_do_not_exist_get_the_nearest),
           TEST(settings_are_checked), TEST(settings_are_used), TEST(settings_for_platforms_are_used),
           TEST(telemetry_is_checked), TEST(telemetry_is_used), TEST(a_workspace_is_found_upwards),
           TEST(lookups_are_saved),
           TEST(inspection_lists_what_is_missing), TEST(a_folder_without_settings_is_no_workspace))
