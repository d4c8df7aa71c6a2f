/* SPDX-License-Identifier: MIT */
/* Three files at a source, and what holds after each run of a customer sync flow. */
#ifndef TESTS_CUSTOMER_SYNC_WORLD_H
#define TESTS_CUSTOMER_SYNC_WORLD_H
#include "check.h"
#include "fake_host.h"
#include "sluice/notify.h"

static inline void world_of_three(void)
{
    fake_reset();
    fake_parameter("C1-DCTEX");
    fake_file("C1-DCTEX_0001_00.csv", 1000, 0);
    fake_file("C1-DCTEX_0002_00.csv", 2000, 0);
    fake_file("C1-DCTEX_0003_00.csv.zip", 3000000, 0);
}

/* The flow kept every rule that holds for each run. */
static inline void check_manners(void)
{
    CHECK_EQ_INT(fake.violations, 0);
    CHECK(fake.open_handles <= 1); /* the listing may stay open */
    CHECK(utf8_is_valid(text_string(&fake.response), fake.response.size));
}

static inline void check_lines_fit(const struct text *body)
{
    for (const char *line = text_string(body); *line;) {
        size_t size = strcspn(line, "\n");
        if (size > NOTIFY_COLUMNS)
            fprintf(stderr, "    line of %zu: %.*s\n", size, (int)size, line);
        CHECK(size <= NOTIFY_COLUMNS);
        line += size + (line[size] == '\n');
    }
}
#endif
