/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <unistd.h>

#include "base/json.h"
#include "check.h"

static char output[16384];

static const char *logged(bool json, enum log_level level, const char *text)
{
    int ends[2];
    if (pipe(ends) != 0)
        return NULL;
    log_configure(LOG_INFO, json, ends[1]);
    log_line(level, "abc", "%s", text);
    close(ends[1]);
    ssize_t size = read(ends[0], output, sizeof output - 1);
    output[size > 0 ? size : 0] = '\0';
    close(ends[0]);
    return output;
}

static void control_bytes_cannot_start_a_line(void)
{
    CHECK_EQ_TEXT(logged(false, LOG_INFO, "a\nerror: forged\x1B[2J"), "[abc] a?error: forged?[2J\n");
}

static void lines_below_the_level_are_dropped(void)
{
    CHECK_EQ_TEXT(logged(false, LOG_DEBUG, "quiet"), "");
    CHECK_EQ_TEXT(logged(false, LOG_WARNING, "loud"), "warning: [abc] loud\n");
}

static void json_lines_parse(void)
{
    struct error err;
    const char *line = logged(true, LOG_ERROR, "a \"b\"\n\xFF");
    cJSON *value = json_parse(line, strlen(line), "log", JSON_STRICT, &err);
    CHECK_EQ_TEXT(json_text(value, "level"), "error");
    CHECK_EQ_TEXT(json_text(value, "instance"), "abc");
    CHECK_EQ_TEXT(json_text(value, "message"), "a \"b\"\n\xEF\xBF\xBD");
    cJSON_Delete(value);
}

CHECK_MAIN(TEST(control_bytes_cannot_start_a_line), TEST(lines_below_the_level_are_dropped),
           TEST(json_lines_parse))
