/* SPDX-License-Identifier: MIT */
/* Each number of the configuration at both ends of its range and one beyond, and the sizes of its parts. */
#include "base/buf.h"
#include "base/text.h"
#include "check.h"
#include "unit/temporary.h"
#include "workspace/config.h"
#include "workspace/connections.h"
#include "workspace/schedules.h"
#include "workspace/supervision.h"
#include "workspace/workspace.h"

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define TIB (INT64_C(1) << 40)

static struct temporary place; /* a workspace, and a folder of workspaces */
static struct error err;

static bool read_sluice(void)
{
    struct workspace *workspace = NULL;
    bool ok = workspace_open(&workspace, place.folder, NULL, &err);
    workspace_close(workspace);
    return ok;
}

static bool read_connections(void)
{
    struct connection *list = NULL;
    size_t count = 0;
    bool ok = connections_read(place.folder, NULL, &list, &count, &err);
    for (size_t i = 0; ok && i < count; i++)
        connection_release(&list[i]);
    free(list);
    return ok;
}

static bool read_supervision(void)
{
    struct supervision supervision;
    bool ok = supervision_read(&supervision, place.folder, &err);
    if (ok)
        supervision_release(&supervision);
    return ok;
}

static bool read_schedules(void)
{
    struct schedule_list list = {0};
    bool ok = schedules_read(place.folder, &list, &err);
    if (ok)
        schedules_release(&list);
    return ok;
}

/* ---- numbers ---- */

enum kind { NUMBER, SECONDS, SIZE };

struct range {
    const char *around; /* the file, with %s for the member */
    const char *key;
    int64_t min, max;
    enum kind kind;
};

#define STORAGE                                                                                    \
    "{\"C\": {\"type\": \"object_storage\", \"url\": \"https://h\", \"tenancy\": \"t\", \"user\": \"u\","  \
    " \"fingerprint\": \"aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99\","                      \
    " \"private_key\": \"k.pem\", %s}}"
#define RETRY "{\"C\": {\"type\": \"rest\", \"url\": \"https://h\", \"auth\": \"none\", \"retry\": {%s}}}"

static const struct range sluice_ranges[] = {
    {"{%s}", "file_size_max", 0, 10 * TIB, SIZE},
    {"{%s}", "memory_mib_max", 1, WORKSPACE_MEMORY_MIB_MAX, NUMBER},
    {"{%s}", "run_wall_s_max", 1, WORKSPACE_RUN_WALL_S_MAX, NUMBER},
    {"{%s}", "retention_days", 1, 36500, NUMBER},
    {"{%s}", "store_size_max", 0, 10 * TIB, SIZE},
    {"{%s}", "schedule_workers", 1, 64, NUMBER},
    {"{\"filters\": {%s}}", "memory_mib", 1, WORKSPACE_MEMORY_MIB_MAX, NUMBER},
    {"{\"filters\": {%s}}", "cpu_ms", 1, 600000, NUMBER},
    {"{\"filters\": {%s}}", "wall_s", 1, 3600, NUMBER},
    {"{\"filters\": {%s}}", "content_cpu_s", 1, 604800, NUMBER},
    {"{\"filters\": {%s}}", "log_lines", 0, 100000, NUMBER},
    {"{\"filters\": {%s}}", "output_size_max", 1, 8 * MIB, SIZE},
    {"{\"server\": {%s}}", "workers", 1, 256, NUMBER},
    {"{\"server\": {%s}}", "connections_max", 1, 65536, NUMBER},
    {"{\"server\": {%s}}", "header_s", 1, 3600, NUMBER},
    {"{\"server\": {%s}}", "request_s", 1, 3600, NUMBER},
    {"{\"server\": {%s}}", "stall_s", 1, 3600, NUMBER},
    {"{\"server\": {%s}}", "stop_s", 1, 21600, NUMBER},
    {"{\"server\": {%s}}", "account_rate", 0, 1000000, NUMBER},
    {"{\"server\": {%s}}", "address_rate", 0, 1000000, NUMBER},
    {"{\"server\": {%s}}", "rate_burst_s", 1, 3600, NUMBER},
    {"{\"traces\": {\"endpoint\": \"http://c\", %s}}", "sample_one_in", 0, 1000000, NUMBER},
    {"{\"traces\": {\"endpoint\": \"http://c\", %s}}", "queue_max", 1, 100000, NUMBER},
};

static const struct range connection_ranges[] = {
    {STORAGE, "settle_ms", 0, 600000, NUMBER},
    {STORAGE, "connect_timeout_s", 1, 600, SECONDS},
    {STORAGE, "stall_timeout_s", 1, 3600, SECONDS},
    {STORAGE, "request_timeout_s", 1, 21600, SECONDS},
    {STORAGE, "multipart_threshold", 4096, 10 * TIB, SIZE},
    {STORAGE, "part_size", 4096, 50 * GIB, SIZE},
    {"{\"C\": {\"type\": \"smtp\", \"host\": \"h\", \"tls\": \"none\", %s}}", "port", 1, 65535, NUMBER},
    {RETRY, "attempts", 1, 100, NUMBER},
    {RETRY, "attempts_synchronous", 1, 10, NUMBER},
    {"{\"C\": {\"type\": \"rest\", \"url\": \"https://h\", \"auth\": \"none\","
     " \"retry\": {\"pause_max_s\": 3600, %s}}}", "pause_s", 0, 3600, SECONDS},
    {"{\"C\": {\"type\": \"rest\", \"url\": \"https://h\", \"auth\": \"none\","
     " \"retry\": {\"pause_s\": 0, %s}}}", "pause_max_s", 0, 3600, SECONDS},
    {RETRY, "circuit_failures", 0, 1000, NUMBER},
    {RETRY, "circuit_open_s", 0, 3600, SECONDS},
};

static const struct range supervision_ranges[] = {
    {"{\"restart_max_s\": 86400, %s}", "restart_min_s", 1, 3600, SECONDS},
    {"{\"restart_min_s\": 1, %s}", "restart_max_s", 1, 86400, SECONDS},
    {"{%s}", "stable_s", 1, 86400, SECONDS},
    {"{%s}", "stop_s", 1, 21600, SECONDS},
    {"{\"limits\": {%s}}", "memory", 256 * MIB, 10 * TIB, SIZE},
    {"{\"limits\": {%s}}", "address_space", 64 * GIB, 128 * TIB, SIZE},
    {"{\"limits\": {%s}}", "file_size", MIB, 10 * TIB, SIZE},
    {"{\"limits\": {%s}}", "descriptors", 1024, 1048576, NUMBER},
    {"{\"limits\": {%s}}", "processes", 32, 32768, NUMBER},
    {"{\"limits\": {%s}}", "cpu_weight", 1, 10000, NUMBER},
};

/* What the complaint about a number outside the range says. */
static void complaint_of(const struct range *range, const char *value, char *out, size_t size)
{
    char low[TEXT_SIZE_SIZE], high[TEXT_SIZE_SIZE];
    if (range->kind == SIZE)
        snprintf(out, size, "\"%s\" must be a size from %s to %s", range->key,
                 text_format_size((uint64_t)range->min, low),
                 text_format_size((uint64_t)range->max, high));
    else
        snprintf(out, size, "\"%s\" must be a %snumber %sfrom %" PRId64 " to %" PRId64 ", not %s",
                 range->key, range->kind == NUMBER ? "whole " : "",
                 range->kind == SECONDS ? "of seconds " : "", range->min, range->max, value);
}

static void check_value(const char *file, bool (*read)(void), const struct range *range,
                        const char *value, bool is_inside)
{
    char member[96], text[512], complaint[160];
    snprintf(member, sizeof member, "\"%s\": %s", range->key, value);
    snprintf(text, sizeof text, range->around, member);
    temporary_write(&place, file, text);
    err = (struct error){0};
    if (is_inside) {
        CHECK_OK(read(), &err);
        return;
    }
    CHECK_FAILS(read(), &err, ERROR_INVALID);
    complaint_of(range, value, complaint, sizeof complaint);
    CHECK_CONTAINS(err.message, complaint);
}

static void check_ranges(const char *file, bool (*read)(void), const struct range *ranges,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const int64_t min = ranges[i].min, max = ranges[i].max;
        const int64_t values[] = {min - 1, min, max, max + 1};
        for (size_t j = 0; j < 4; j++) {
            char value[32];
            snprintf(value, sizeof value, "%" PRId64, values[j]);
            check_value(file, read, &ranges[i], value, j == 1 || j == 2);
        }
        if (ranges[i].kind == NUMBER)
            check_value(file, read, &ranges[i], "1.5", false);
    }
    CHECK(remove(temporary_path(&place, file)) == 0);
}

#define CHECK_RANGES(file, read, ranges) check_ranges(file, read, ranges, sizeof ranges / sizeof ranges[0])

static void numbers_hold_at_both_ends(void)
{
    place = temporary_make();
    CHECK_OK(workspace_init(place.folder, &err), &err);
    CHECK_RANGES("sluice.json", read_sluice, sluice_ranges);
    CHECK_RANGES("connections.json", read_connections, connection_ranges);
    CHECK_RANGES("supervise.json", read_supervision, supervision_ranges);
    temporary_remove(&place);
}

/* ---- sizes ---- */

/* before, size bytes of 'x', behind. */
static void write_long(const char *file, const char *before, size_t size, const char *behind)
{
    struct buf text;
    buf_init(&text, 2 * CONFIG_FILE_SIZE_MAX);
    buf_append_text(&text, before);
    for (size_t i = 0; i < size; i++)
        buf_append_char(&text, 'x');
    buf_append_text(&text, behind);
    temporary_write(&place, file, buf_text(&text));
    buf_release(&text);
    err = (struct error){0};
}

/* A text of size_max bytes between before and behind is taken, one more is not. */
static void check_text(const char *file, bool (*read)(void), const char *before, const char *behind,
                       size_t size_max, enum error_kind kind, const char *complaint)
{
    write_long(file, before, size_max, behind);
    CHECK_OK(read(), &err);
    write_long(file, before, size_max + 1, behind);
    CHECK_FAILS(read(), &err, kind);
    CHECK_CONTAINS(err.message, complaint);
    CHECK(remove(temporary_path(&place, file)) == 0);
}

static void a_file_ends_at_the_limit(void)
{
    place = temporary_make();
    check_text("connections.json", read_connections, "{} //", "", CONFIG_FILE_SIZE_MAX - 5, ERROR_LIMIT,
               "is larger than 1048576 bytes");
    temporary_remove(&place);
}

static void texts_end_at_the_limit(void)
{
    place = temporary_make();
    check_text("connections.json", read_connections, "{\"", "\": {\"type\": \"local\"}}",
               CONNECTION_NAME_SIZE_MAX, ERROR_INVALID, "a connection's name has 1 to 128 bytes");
    check_text("connections.json", read_connections,
               "{\"C\": {\"type\": \"smtp\", \"tls\": \"none\", \"host\": \"", "\"}}", 253, ERROR_INVALID,
               "\"host\" has 254 bytes, at most 253 are possible");
    check_text("connections.json", read_connections,
               "{\"C\": {\"type\": \"rest\", \"auth\": \"none\", \"url\": \"https://h\", \"wrapper\": \"",
               "\"}}", 4096, ERROR_INVALID, "\"wrapper\" has 4097 bytes, at most 4096 are possible");
    check_text("schedules.json", read_schedules, "{\"", "\": {\"recurrence\": \"FREQ=DAILY\"}}", 128,
               ERROR_INVALID, "1 to 128 bytes");
    temporary_remove(&place);
}

static void write_schedules(int schedules, int parameters)
{
    struct buf text;
    buf_init(&text, CONFIG_FILE_SIZE_MAX);
    for (int i = 0; i < schedules; i++) {
        buf_printf(&text, "%s\"F%d\": {\"recurrence\": \"FREQ=DAILY\", \"parameters\": {",
                   i ? ", " : "{", i);
        for (int j = 0; j < parameters; j++)
            buf_printf(&text, "%s\"p%d\": \"\"", j ? ", " : "", j);
        buf_append_text(&text, "}}");
    }
    buf_append_char(&text, '}');
    temporary_write(&place, "schedules.json", buf_text(&text));
    buf_release(&text);
    err = (struct error){0};
}

static void schedules_and_their_parameters_are_bounded(void)
{
    place = temporary_make();
    write_schedules(SCHEDULES_MAX, 0);
    CHECK_OK(read_schedules(), &err);
    write_schedules(SCHEDULES_MAX + 1, 0);
    CHECK_FAILS(read_schedules(), &err, ERROR_LIMIT);
    CHECK_CONTAINS(err.message, "257 schedules, at most 256 are possible");
    write_schedules(1, SCHEDULE_PARAMETERS_MAX);
    CHECK_OK(read_schedules(), &err);
    write_schedules(1, SCHEDULE_PARAMETERS_MAX + 1);
    CHECK_FAILS(read_schedules(), &err, ERROR_INVALID);
    CHECK_CONTAINS(err.message, "schedule of 'F0': 33 parameters, at most 32 are possible");
    temporary_remove(&place);
}

CHECK_MAIN(TEST(numbers_hold_at_both_ends), TEST(a_file_ends_at_the_limit), TEST(texts_end_at_the_limit),
           TEST(schedules_and_their_parameters_are_bounded))
