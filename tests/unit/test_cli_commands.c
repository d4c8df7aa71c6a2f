/* SPDX-License-Identifier: MIT */
/* Whole command lines over a stand-in for the flow layer: exit status, output, exact complaints. */
#include "base/json.h"
#include "check.h"
#include "cli/cli.h"
#include "cli/durability.h"
#include "unit/temporary.h"
#include "workspace/workspace.h"

#define WORDS_MAX 16

/* What a command line printed and how it ended. */
struct ran {
    int status;
    char *out, *err;
};

static struct ran run_words(char **words, int count)
{
    struct ran ran = {0};
    size_t out_size, err_size;
    struct cli cli = {.out = open_memstream(&ran.out, &out_size),
                      .err = open_memstream(&ran.err, &err_size)};
    ran.status = cli_main(&cli, count, words);
    fclose(cli.out);
    fclose(cli.err);
    return ran;
}

/* Splits line at single spaces, without quoting. */
static struct ran run(const char *line)
{
    char copy[1024];
    char *words[WORDS_MAX] = {"sluice"};
    int count = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *at = copy, *word; (word = strsep(&at, " ")) && count < WORDS_MAX;)
        words[count++] = word;
    return run_words(words, count);
}

static void release(struct ran *ran)
{
    free(ran->out);
    free(ran->err);
}

static void expect(const char *line, int status, const char *out_part, const char *err_part)
{
    struct ran ran = run(line);
    if (ran.status != status)
        fprintf(stderr, "sluice %s\n%s%s\n", line, ran.out, ran.err);
    CHECK_EQ_INT(ran.status, status);
    if (out_part)
        CHECK_CONTAINS(ran.out, out_part);
    if (err_part)
        CHECK_CONTAINS(ran.err, err_part);
    release(&ran);
}

static void expect_error(const char *line, const char *err_exactly)
{
    struct ran ran = run(line);
    CHECK_EQ_INT(ran.status, EXIT_USAGE);
    CHECK_EQ_TEXT(ran.err, err_exactly);
    release(&ran);
}

static struct temporary folder;

/* Every test gets a new workspace, found through the environment. */
static void begin(void)
{
    struct error err = {0};
    folder = temporary_make();
    const char *path = temporary_path(&folder, "w");
    CHECK_OK(workspace_init(path, &err), &err);
    setenv("SLUICE_WORKSPACE", path, 1);
    setenv("CCS_FTP_PASSWORD", "x", 1);
    setenv("DACS_FTP_PASSWORD", "x", 1);
    setenv("CCS_PASSWORD", "x", 1);
    setenv("SMTP_PASSWORD", "x", 1);
}

static void end(void)
{
    unsetenv("SLUICE_WORKSPACE");
    temporary_remove(&folder);
}

static void mistakes_get_the_nearest_name(void)
{
    begin();
    expect_error("chekc", "sluice: unknown command 'chekc'; did you mean 'check'?\nTry 'sluice help'.\n");
    expect_error("run FLOW --boddy x",
                 "sluice: unknown option '--boddy'; did you mean '--body'?\nTry 'sluice help run'.\n");
    expect_error("run -z FLOW", "sluice: unknown option '-z'\nTry 'sluice help run'.\n");
    expect_error("--jsn check", "sluice: unknown option '--jsn'; did you mean '--json'?\nTry 'sluice "
                                "help'.\n");
    expect_error("run FLOW --param", "sluice: option '--param' needs a value: --param NAME=VALUE\nTry "
                                     "'sluice help run'.\n");
    expect_error("check --json=yes", "sluice: option '--json' takes no value\nTry 'sluice help "
                                     "check'.\n");
    expect_error("run", "sluice: 'run' needs more arguments: sluice run FLOW [--param NAME=VALUE]... "
                        "[--body FILE] [--attach FILE]\nTry 'sluice help run'.\n");
    expect_error("run FLOW other", "sluice: 'run' does not take 'other'\nTry 'sluice help run'.\n");
    expect_error("run FLOV", "sluice: no flow 'FLOV'; did you mean 'FLOW'?\n");
    expect_error("help nothing", "sluice: unknown command 'nothing'\nTry 'sluice help'.\n");
    expect_error("connections tset",
                 "sluice: 'connections' takes nothing, 'list' or 'test [NAME]...', not 'tset'\nTry "
                 "'sluice help connections'.\n");
    expect_error("lookups gte a b",
                 "sluice: 'lookups' does not know 'gte' (did you mean 'get'?); it knows list, get, set, "
                 "import and export\nTry 'sluice help lookups'.\n");
    expect_error("instances --state done",
                 "sluice: '--state done': expected in_progress, completed, failed or aborted\nTry "
                 "'sluice help instances'.\n");
    expect_error("instances --since yesterday",
                 "sluice: '--since yesterday': expected 90m, 12h, 7d, 2026-11-24 or 2026-11-24T06:30 "
                 "(UTC)\nTry 'sluice help instances'.\n");
    expect_error("run FLOW --param x", "sluice: '--param x': expected NAME=VALUE\n");
    expect_error("run FLOW -p a=1 -pa=2", "sluice: parameter 'a' is given twice\n");
    expect_error("run FLOW --attach /nowhere/x",
                 "sluice: cannot read '/nowhere/x': No such file or directory\n");
    expect("", EXIT_USAGE, NULL, "unknown command ''");
    end();
}

/* Whether `sluice outbox list` with word repeated is refused for their number. */
static bool has_too_many(char *word, int count, const char *complaint)
{
    char *words[CLI_OPTIONS_MAX + CLI_ARGUMENTS_MAX] = {"sluice", "outbox", "list"};
    for (int i = 0; i < count; i++)
        words[3 + i] = word;
    struct ran ran = run_words(words, 3 + count);
    bool is_refused = strstr(ran.err, complaint) != NULL;
    CHECK(!is_refused || ran.status == EXIT_USAGE);
    release(&ran);
    return is_refused;
}

static void a_command_line_is_bounded(void)
{
    begin();
    CHECK(!has_too_many("--json", CLI_OPTIONS_MAX, "more than 64 options"));
    CHECK(has_too_many("--json", CLI_OPTIONS_MAX + 1, "more than 64 options"));
    CHECK(!has_too_many("word", CLI_ARGUMENTS_MAX - 1, "more than 64 arguments")); /* "list" is one */
    CHECK(has_too_many("word", CLI_ARGUMENTS_MAX, "more than 64 arguments"));
    end();
}

static void errors_are_documents_with_json(void)
{
    begin();
    struct ran ran = run("--json chekc");
    struct error err = {0};
    cJSON *document = json_parse(ran.out, strlen(ran.out), "out", JSON_STRICT, &err);
    const cJSON *error = cJSON_GetObjectItem(document, "error");
    CHECK_EQ_TEXT(json_text(error, "kind"), "invalid");
    CHECK_EQ_TEXT(json_text(error, "message"), "unknown command 'chekc'; did you mean 'check'?");
    cJSON_Delete(document);
    release(&ran);
    ran = run("show abcd --json");
    document = json_parse(ran.out, strlen(ran.out), "out", JSON_STRICT, &err);
    error = cJSON_GetObjectItem(document, "error");
    CHECK_EQ_TEXT(json_text(error, "kind"), "not_found");
    CHECK_EQ_TEXT(json_text(error, "message"), "no instance has the id 'abcd'");
    cJSON_Delete(document);
    release(&ran);
    end();
}

static void every_command_has_a_manual_page(void)
{
    static const char *const sections[] = {"NAME\n    sluice ", "\nSYNOPSIS\n", "\nDESCRIPTION\n",
                                           "\nOPTIONS\n", "\nEXIT STATUS\n", "\nEXAMPLES\n"};
    for (size_t i = 0; i < cli_command_count; i++) {
        char line[64];
        snprintf(line, sizeof line, "help %s", cli_commands[i]->name);
        struct ran ran = run(line);
        CHECK_EQ_INT(ran.status, EXIT_DONE);
        for (size_t j = 0; j < sizeof sections / sizeof sections[0]; j++)
            CHECK_CONTAINS(ran.out, sections[j]);
        snprintf(line, sizeof line, "%s --help", cli_commands[i]->name);
        struct ran same = run(line);
        CHECK_EQ_TEXT(same.out, ran.out);
        release(&same);
        release(&ran);
    }
    expect("--help", EXIT_DONE, "Commands:\n    init ", NULL);
    expect("--version", EXIT_DONE, "sluice ", NULL);
    expect("run --version", EXIT_DONE, "sluice ", NULL);
}

static void a_workspace_must_be_found(void)
{
    struct temporary empty = temporary_make();
    unsetenv("SLUICE_WORKSPACE");
    CHECK_EQ_INT(chdir(empty.folder), 0);
    expect("flows", EXIT_USAGE, NULL, "no workspace here: neither '.' nor a folder above it");
    expect("-w /nowhere flows", EXIT_USAGE, NULL, "workspace folder '/nowhere': No such file");
    CHECK_EQ_INT(chdir("/"), 0);
    temporary_remove(&empty);
}

static void check_says_what_the_store_outlives(void)
{
    begin();
    temporary_write(&folder, "w/sluice.json", "{\"store\": \"memory\"}");
    expect("check", EXIT_DONE, "note    store: in memory, and gone when it ends: the process\n"
                               "        -> for a record that stays", NULL);
    expect("check", EXIT_DONE, "note    flow 'FLOW': its record ends with the process: a run that is "
                               "cut off does not go on: the next one takes what is not marked", NULL);
    expect("instances", EXIT_USAGE, NULL, "\"store\" is \"memory\" in sluice.json");
    expect("show abcd", EXIT_USAGE, NULL, "\"store\" is \"memory\" in sluice.json");
    expect("purge", EXIT_USAGE, NULL, "\"store\" is \"memory\" in sluice.json");
    CHECK_EQ_INT(durability_place_of("/dev/shm/none/such"), PLACE_MACHINE);
    end();
}

static void init_then_check(void)
{
    begin();
    char line[256];
    snprintf(line, sizeof line, "init %s/new", folder.folder);
    expect(line, EXIT_DONE, "A new workspace is in ", NULL);
    expect(line, EXIT_USAGE, NULL, "nothing was written");
    expect("check", EXIT_DONE, "ok      flow 'FLOW': OU Flow\n\n0 errors, 7 warnings\n", NULL);
    expect("check", EXIT_DONE, "'ftp.ccs.example.com' is the example of a new workspace", NULL);
    expect("check", EXIT_DONE, "'from' is 'admin@example.com', the example of a new", NULL);
    unsetenv("CCS_PASSWORD");
    expect("check", EXIT_USAGE, "error   connection 'OU REST CCS for CCS-DACS': password: environment "
                                "variable CCS_PASSWORD is not set\n        -> export "
                                "CCS_PASSWORD=...\n", NULL);
    expect("check --json", EXIT_USAGE, "\"errors\": 1,", NULL);
    temporary_write(&folder, "w/connections.json",
                    "{\"OU FTP CCS for CCS-DAC\": {\"type\": \"local\"}}");
    expect("check", EXIT_USAGE, "error   flow 'FLOW': no connection is called 'OU FTP CCS for "
                                "CCS-DACS'; did you mean 'OU FTP CCS for CCS-DAC'?", NULL);
    temporary_write(&folder, "w/connections.json",
                    "{\"OU FTP CCS for CCS-DACS\": {\"type\": \"local\"}}");
    expect("check", EXIT_USAGE, "error   flow 'FLOW': uses ftp on connection 'OU FTP CCS for "
                                "CCS-DACS', whose type is \"local\"", NULL);
    temporary_write(&folder, "w/schedules.json",
                    "{\"FLOW\": {\"recurrence\": \"FREQ=DAILY\", \"parameters\": {\"p\": \"\"}},"
                    " \"FLOV\": {\"recurrence\": \"FREQ=DAILY\"}}");
    expect("check", EXIT_USAGE, "error   schedule of 'FLOW': the flow has no parameter 'p'", NULL);
    expect("check", EXIT_USAGE, "error   schedule of 'FLOW': the flow needs parameter 'prefix'", NULL);
    expect("check", EXIT_USAGE, "error   schedule of 'FLOV': no flow 'FLOV'", NULL);
    temporary_write(&folder, "w/connections.json", "{");
    expect("check", EXIT_USAGE, NULL, "sluice: connections.json:1:");
    end();
}

static void lookups_are_read_and_changed(void)
{
    begin();
    expect("lookups", EXIT_DONE, "OUTL-BRT-CCS_DACS_ConfigProps  14\n", NULL);
    expect("lookups list OUTL-BRT-CCS_DACS_Email_ID", EXIT_DONE, "Recipient  ", NULL);
    expect("lookups get OUTL-BRT-CCS_DACS_ConfigProps CCS.prefixtag.fileuploaded", EXIT_DONE,
           "SENT-\n", NULL);
    expect_error("lookups get OUTL-BRT-CCS_DACS_ConfigProps ccs.prefix.file.uploaded",
                 "sluice: lookup 'OUTL-BRT-CCS_DACS_ConfigProps' has no property "
                 "'ccs.prefix.file.uploaded'; did you mean 'ccs.prefixtag.file.uploaded'?\n");
    expect_error("lookups get OUTL-BRT-CCS_DACS_Confg x",
                 "sluice: no lookup is called 'OUTL-BRT-CCS_DACS_Confg'; did you mean "
                 "'OUTL-BRT-CCS_DACS_ConfigProps'? (see lookups/)\n");
    expect_error("lookups set OUTL-BRT-CCS_DACS_ConfigProps notification.email.error.flag yes",
                 "sluice: property 'notification.email.error.flag' (whether errors are mailed) must "
                 "be true or false, not 'yes'\n");
    expect("lookups set OUTL-BRT-CCS_DACS_ConfigProps mine 1", EXIT_USAGE, NULL, "(--new adds one)");
    expect("lookups set --new OUTL-BRT-CCS_DACS_ConfigProps mine 1", EXIT_DONE, "mine = 1\n", NULL);
    expect("lookups get OUTL-BRT-CCS_DACS_ConfigProps mine --json", EXIT_DONE, "\"value\": \"1\"",
           NULL);
    expect("lookups export OUTL-BRT-CCS_DACS_Email_ID", EXIT_DONE, "Recipient,Email_Id\nfrom,", NULL);
    char line[256];
    snprintf(line, sizeof line, "lookups export OUTL-BRT-CCS_DACS_Email_ID %s/mail.csv", folder.folder);
    expect(line, EXIT_DONE, NULL, NULL);
    expect(line, EXIT_USAGE, NULL, "exists; --force replaces it");
    snprintf(line, sizeof line, "lookups import %s/mail.csv", folder.folder);
    expect(line, EXIT_USAGE, NULL, "no lookup is called 'mail'");
    snprintf(line, sizeof line, "lookups import --name OUTL-BRT-CCS_DACS_Email_ID %s/mail.csv",
             folder.folder);
    expect(line, EXIT_DONE, "3 properties imported", NULL);
    temporary_write(&folder, "mail.csv", "Recipient,Email_Id\nto,nobody\n");
    expect(line, EXIT_USAGE, NULL, "property 'to' (who gets error mails) must be mail addresses");
    end();
}

static void connections_are_listed_and_tested(void)
{
    begin();
    expect("connections", EXIT_DONE, "OU FTP CCS for CCS-DACS       ftp             enabled   explicit "
                                     "TLS  ftp.ccs.example.com:21\n", NULL);
    temporary_write(&folder, "w/connections.json",
                    "{\"A\": {\"type\": \"smtp\", \"host\": \"up\"},"
                    " \"B\": {\"type\": \"smtp\", \"host\": \"down\"},"
                    " \"C\": {\"type\": \"smtp\", \"host\": \"down\", \"disabled\": true}}");
    expect("connections test A", EXIT_DONE, "ok      A (7 ms)\n", NULL);
    expect("connections test B", EXIT_FAILED,
           "failed  B\n        at connect: connection 'B': nobody answers\n", NULL);
    expect("connections test", EXIT_PARTLY_DONE, "ok      A (7 ms)\nfailed  B\n", NULL);
    expect("connections test A --folder /x", EXIT_DONE, "ok      A (7 ms, may list /x)\n", NULL);
    expect("connections test --folder /x", EXIT_USAGE, NULL, "goes with exactly one connection");
    expect("connections test D", EXIT_USAGE, NULL, "no connection is called 'D'");
    expect("connections test C", EXIT_USAGE, NULL, "connection 'C' is disabled");
    expect("--json connections test B", EXIT_FAILED, "\"failed\": \"connect\"", NULL);
    end();
}

static void run_with_body(const char *body, const char *options, int status, const char *out_part,
                          const char *err_part)
{
    char line[256];
    begin();
    temporary_write(&folder, "body", body);
    snprintf(line, sizeof line, "run FLOW -p prefix=C1 --body %s/body%s", folder.folder, options);
    expect(line, status, out_part, err_part);
    end();
}

static void runs_end_with_the_flows_status(void)
{
    run_with_body("x", "", EXIT_DONE, "\ndone: OU Flow, 1.5 s\n  files     1 found, 1 transferred, 0 not "
                  "transferred, 0 postponed\n  mails     1 waiting (sluice outbox)\n"
                  "  more      sluice show abcdefghijklmnopqrstuv\n",
                  "started FLOW as instance abcdefghijklmnopqrstuv\ntransferred a.csv");
    run_with_body("partly", "", EXIT_PARTLY_DONE, "partly done: OU Flow", NULL);
    run_with_body("fail", "", EXIT_FAILED, "  fault     exists: The name is taken\n"
                  "  detail    b.csv exists\n  to do     do what the detail", NULL);
    run_with_body("answer", "", EXIT_DONE, "{\"ok\":true}\n\ndone", NULL);
    run_with_body("answer fail", " --json", EXIT_FAILED, "\"outcome\": \"failed\",\n  \"exit_status\": 1",
                  NULL);
    run_with_body("answer", " --json", EXIT_DONE, "\"body\": \"{\\\"ok\\\":true}\"", NULL);
    run_with_body("hostile", "", EXIT_DONE, NULL, "transferred a\\x1b[2J\\x0a.csv");
    begin();
    expect("run FLOW", EXIT_USAGE, NULL, "sluice: flow 'FLOW' needs parameter 'prefix'\n");
    expect("run FLOW -p prefix=busy", EXIT_FAILED, NULL, "another run of flow 'FLOW' is going on");
    end();
}

static void instances_are_listed_and_shown(void)
{
    char line[256];
    begin();
    expect("instances", EXIT_DONE, "no instances\n", NULL);
    temporary_write(&folder, "body", "hostile fail");
    snprintf(line, sizeof line, "run FLOW -p prefix=C1 --body %s/body", folder.folder);
    expect(line, EXIT_FAILED, NULL, NULL);
    expect("instances", EXIT_DONE, "abcdefghijklmnopqrstuv  FLOW  FAILED  1970-01-01T00:00Z  1.5 s     1 "
                                   "of 1  The name is taken\n", NULL);
    expect("instances --flow FLOW --state failed --limit 1", EXIT_DONE, "abcdefgh", NULL);
    expect("instances --flow FLOV", EXIT_USAGE, NULL, "no flow 'FLOV'");
    expect("instances --state completed", EXIT_DONE, "no instances\n", NULL);
    expect("instances --since 1h", EXIT_DONE, "no instances\n", NULL);
    expect("instances --json", EXIT_DONE, "\"code\": \"exists\"", NULL);
    expect("show abcd", EXIT_DONE, "\nFiles\nFILE              STATE        SIZE  DETAIL\n"
                                   "a\\x1b[2J\\x0a.csv  transferred  10 B  -\n", NULL);
    expect("show abcd", EXIT_DONE, "\nFault\n  code    exists\n  what    The name is taken\n  detail  "
                                   "b.csv exists\n  to do   do what the detail says; where a name is taken", NULL);
    expect("show --payload abcd", EXIT_DONE, "\nMessage (12 bytes)\nhostile fail\n", NULL);
    expect("show --payload abcd --json", EXIT_DONE, "\"input\": \"hostile fail\"", NULL);
    expect("show abc", EXIT_USAGE, NULL, "'abc' is too short");
    expect("show zzzz", EXIT_USAGE, NULL, "no instance has the id 'zzzz'");
    expect("show --flow FLOW --state failed", EXIT_DONE, "instance    abcdefghijklmnopqrstuv\n", NULL);
    expect("show --flow FLOV", EXIT_USAGE, NULL, "no flow 'FLOV'");
    expect("show --state completed", EXIT_USAGE, NULL, "no instance matches");
    expect("show --state failed abcd", EXIT_USAGE, NULL, "needs an ID, or options that say which");
    expect("show", EXIT_USAGE, NULL, "needs an ID, or options that say which");
    expect("show --all", EXIT_USAGE, NULL, "needs an ID, or options that say which");
    expect("show --trace 4bf92f3577b34da6a3ce929d0e0e4736 --json", EXIT_DONE,
           "\"parent_span\": null", NULL);
    expect("instances --trace 4bf92f3577b34da6a3ce929d0e0e4736", EXIT_DONE, "abcdefgh", NULL);
    expect("instances --trace 4bf92f3577b34da6a3ce929d0e0e4737", EXIT_DONE, "no instances\n", NULL);
    expect("instances --trace 4BF9", EXIT_USAGE, NULL, "expected the 32 hexadecimal digits of a trace");
    expect("errors --trace 4bf92f3577b34da6a3ce929d0e0e4736 --state failed", EXIT_DONE, "abcdefgh", NULL);
    expect("errors --state aborted", EXIT_DONE, "no errors\n", NULL);
    end();
}

static void flows_are_listed(void)
{
    begin();
    expect("flows", EXIT_DONE, "FLOW        01.23.3000  active  production  schedule  OU Flow\n", NULL);
    expect("flows FLOW", EXIT_DONE, "may use     OU FTP CCS for CCS-DACS: ftp list\n", NULL);
    expect("flows FLOV", EXIT_USAGE, NULL, "did you mean 'FLOW'?");
    expect("flows --json", EXIT_DONE, "\"identifier\": \"FLOW\"", NULL);
    expect("version", EXIT_DONE, "sluice ", NULL);
    end();
}

static void flows_are_activated(void)
{
    begin();
    expect("activate FLOW", EXIT_FAILED, NULL, "cannot be activated");
    expect("activate FLOW --json", EXIT_FAILED, "\"connection\": \"OU FTP CCS for CCS-DACS\"", NULL);
    expect("activate FLOW --tracing loud", EXIT_USAGE, NULL, "expected production, audit or debug");
    expect("activate FLOV", EXIT_USAGE, NULL, "did you mean 'FLOW'?");
    expect("deactivate FLOW", EXIT_DONE, "FLOW 01.23.3000: not active, tracing production\n", NULL);
    expect("deactivate FLOW", EXIT_DONE, "not active", NULL);
    expect("flows", EXIT_DONE, "FLOW        01.23.3000  -       production  schedule  OU Flow\n", NULL);
    expect("run FLOW --param prefix=x", EXIT_FAILED, NULL, "flow 'FLOW' is not active");
    end();
}

static void schedules_are_shown_and_stopped(void)
{
    begin();
    expect("schedules", EXIT_DONE, "no schedules: see schedules.json\n", NULL);
    expect("schedules stop FLOW", EXIT_USAGE, NULL, "flow 'FLOW' has no schedule");
    temporary_write(&folder, "w/schedules.json",
                    "{\"FLOW\": {\"recurrence\": \"FREQ=YEARLY\", \"start\": \"2200-01-01T00:00\"}}");
    expect("schedules", EXIT_DONE, "FLOW   started\n  due     FREQ=YEARLY   UTC   from 2200-01-01T00:00\n"
                                   "  next    2200-01-01T00:00:00+00:00   2200-01-01T00:00:00Z\n", NULL);
    expect("schedules resume FLOW", EXIT_FAILED, NULL, "is started and cannot be resumed");
    expect("schedules pause FLOW", EXIT_DONE, "FLOW: the schedule is paused\n", NULL);
    expect("schedules FLOW", EXIT_DONE, "FLOW   paused (changed by ", NULL);
    expect("schedules start FLOW --json", EXIT_DONE, "\"schedule\": \"started\"", NULL);
    expect("schedules reset FLOW", EXIT_DONE, "again as schedules.json says", NULL);
    expect("schedules history", EXIT_DONE, "DUE  FLOW  OUTCOME  INSTANCE  REASON\n", NULL);
    expect("schedules history FLOV", EXIT_USAGE, NULL, "did you mean 'FLOW'?");
    expect("schedules stop", EXIT_USAGE, NULL, "'stop' needs a flow");
    expect("schedules FLOW FLOW", EXIT_USAGE, NULL, "one word too many; actions are start");
    expect("schedules --next 0", EXIT_USAGE, NULL, "from 1 to 1000");
    expect("schedules --next 1000", EXIT_DONE, "FLOW", NULL);
    expect("schedules --next 1001", EXIT_USAGE, NULL, "from 1 to 1000");
    expect("schedules history --limit x", EXIT_USAGE, NULL, "'--limit x'");
    end();
}

static void the_outbox_is_listed_retried_and_dropped(void)
{
    begin();
    expect("outbox", EXIT_DONE, "nothing waits to be sent\n", NULL);
    expect("outbox --all", EXIT_DONE, "no mails\n", NULL);
    expect("run FLOW -p prefix=C1 --json", EXIT_DONE, "\"subject\": \"Subject\"", NULL);
    expect("outbox", EXIT_DONE, "MAIL  STATE    TRIES  NEXT/ENDED         TO   SUBJECT  DETAIL\n"
                                "1     waiting  0      1970-01-01T00:00Z  a@b  Subject  -\n", NULL);
    expect("outbox --json", EXIT_DONE, "\"message_id\": \"1@b\"", NULL);
    expect("show abcd", EXIT_DONE, "\nMails\nMAIL", NULL);
    expect("show abcd --json", EXIT_DONE, "\"mails\": [", NULL);
    expect("errors", EXIT_DONE, "no errors\n\nmails not delivered: 1 waiting, 0 given up (sluice "
                                "outbox)\n", NULL);
    expect("errors --json", EXIT_DONE, "\"undelivered_mails\": {\n    \"waiting\": 1", NULL);
    expect("outbox retry", EXIT_FAILED, "0 sent, 1 not yet, 0 given up: nobody answers\n", NULL);
    expect("outbox retry 1 --json", EXIT_FAILED, "\"waiting\": 1", NULL);
    expect("outbox retry 2", EXIT_USAGE, NULL, "the outbox has no mail 2\n");
    expect_error("outbox retry x", "sluice: 'x' is not the number of a mail\nTry 'sluice help outbox'.\n");
    expect_error("outbox drop", "sluice: 'outbox drop' needs the numbers of mails\nTry 'sluice help "
                                "outbox'.\n");
    expect_error("outbox lits", "sluice: 'outbox' takes 'list', 'retry [MAIL]...' or 'drop MAIL...', not "
                                "'lits'\nTry 'sluice help outbox'.\n");
    expect("outbox drop 1 2", EXIT_PARTLY_DONE, NULL, "the outbox has no mail 2\n");
    expect("outbox", EXIT_DONE, "nothing waits to be sent\n", NULL);
    expect("outbox list --all", EXIT_DONE, "dropped", NULL);
    expect("outbox drop 1", EXIT_FAILED, NULL, "mail 1 was sent or dropped\n");
    expect("purge --older-than 0", EXIT_DONE, NULL, NULL);
    expect("outbox --all", EXIT_DONE, "no mails\n", NULL);
    end();
}

static void what_is_unmarked_is_listed(void)
{
    begin();
    expect("unmarked", EXIT_DONE, "every file that arrived is marked\n", NULL);
    expect("unmarked --json", EXIT_DONE, "\"unmarked\": []", NULL);
    expect("errors --json", EXIT_DONE, "\"unmarked_files\": 0", NULL);
    expect("unmarked forget X", EXIT_USAGE, NULL, "no such file is remembered");
    expect("unmarked forget", EXIT_USAGE, NULL, "needs a connection");
    expect("unmarked list X", EXIT_USAGE, NULL, "not 'X'");
    end();
}

CHECK_MAIN(TEST(mistakes_get_the_nearest_name), TEST(a_command_line_is_bounded),
           TEST(errors_are_documents_with_json),
           TEST(the_outbox_is_listed_retried_and_dropped), TEST(what_is_unmarked_is_listed),
           TEST(every_command_has_a_manual_page), TEST(a_workspace_must_be_found),
           TEST(init_then_check), TEST(check_says_what_the_store_outlives),
           TEST(lookups_are_read_and_changed),
           TEST(connections_are_listed_and_tested), TEST(runs_end_with_the_flows_status),
           TEST(instances_are_listed_and_shown), TEST(flows_are_listed),
           TEST(flows_are_activated), TEST(schedules_are_shown_and_stopped))
