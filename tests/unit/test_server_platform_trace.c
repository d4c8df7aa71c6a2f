/* SPDX-License-Identifier: MIT */
/* The words of X-Ray and B3 for a trace: the examples of their descriptions, and what is none. */
#include <stdio.h>

#include "check.h"
#include "server/platform_trace.h"

#define LONG "80f198ee56343ba864fe8b2a57d3eff7"
#define SPAN "e457b5a2e4d86bd1"

static void check_xray(const char *text, const char *expected)
{
    char got[TRACE_PARENT_SIZE] = "";
    bool ok = platform_trace_xray(text, got);
    CHECK_EQ_TEXT(ok ? got : "none", expected);
}

static void x_ray(void)
{
    check_xray("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
               "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
    check_xray("Self=1-67891234-12456789abcdef012345678; Sampled=0 ; Parent=53995c3f42cd8ad8;"
               "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=a:1|b:2",
               "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00");
    check_xray("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=?",
               "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00");
    static const char *const none[] = {
        NULL, "", ";;", "Root=", "Root=1-5759e988-bd862e3fe1be46a994272793",
        "Parent=53995c3f42cd8ad8", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad",
        "Root=2-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8",
        "Root=1-5759e988bd862e3fe1be46a9942727930;Parent=53995c3f42cd8ad8",
        "Root=1-5759E988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8",
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=0000000000000000",
        "XRoot=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8",
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        check_xray(none[i], "none");
}

static void b3(void)
{
    static const struct {
        const char *trace, *span, *sampled, *flags, *expected;
    } cases[] = {
        {LONG, SPAN, "1", NULL, "00-" LONG "-" SPAN "-01"},
        {LONG, SPAN, "true", NULL, "00-" LONG "-" SPAN "-01"},
        {LONG, SPAN, "0", NULL, "00-" LONG "-" SPAN "-00"},
        {LONG, SPAN, "0", "1", "00-" LONG "-" SPAN "-01"}, /* debug */
        {LONG, SPAN, NULL, NULL, "00-" LONG "-" SPAN "-00"},
        {SPAN, SPAN, "1", NULL, "00-0000000000000000" SPAN "-" SPAN "-01"},
        {NULL, SPAN, "1", NULL, "none"},
        {LONG, NULL, "1", NULL, "none"},
        {"", "", "1", NULL, "none"},
        {LONG "0", SPAN, "1", NULL, "none"},
        {LONG, SPAN "0", "1", NULL, "none"},
        {"0000000000000000", SPAN, "1", NULL, "none"},
        {LONG, "e457b5a2e4d86bdX", "1", NULL, "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char got[TRACE_PARENT_SIZE] = "";
        bool ok = platform_trace_b3(cases[i].trace, cases[i].span, cases[i].sampled, cases[i].flags,
                                    got);
        CHECK_EQ_TEXT(ok ? got : "none", cases[i].expected);
    }
}

CHECK_MAIN(TEST(x_ray), TEST(b3))
