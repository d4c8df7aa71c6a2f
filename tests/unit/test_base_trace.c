/* SPDX-License-Identifier: MIT */
/* The two header fields of W3C Trace Context: what is taken, what is refused, what is passed on. */
#include "base/trace.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static void test_parent(void)
{
    static const struct {
        const char *value;
        bool is_valid, is_sampled;
        const char *why;
    } cases[] = {
        {"00-" ID "-" SPAN "-01", true, true, "sampled"},
        {"00-" ID "-" SPAN "-00", true, false, "not sampled"},
        {"00-" ID "-" SPAN "-ff", true, true, "other flags do not matter"},
        {"00-" ID "-" SPAN "-fe", true, false, "other flags do not matter"},
        {"cc-" ID "-" SPAN "-01", true, true, "a later version"},
        {"cc-" ID "-" SPAN "-01-what-comes-then", true, true, "a later version with more"},
        {"cc-" ID "-" SPAN "-01.what-comes-then", false, false, "a later version, not at a '-'"},
        {"fe-" ID "-" SPAN "-01", true, true, "the last version"},
        {"ff-" ID "-" SPAN "-01", false, false, "no version"},
        {"00-" ID "-" SPAN "-01-", false, false, "version 00 is 55 characters"},
        {"00-" ID "-" SPAN "-01-more", false, false, "version 00 is 55 characters"},
        {"00-" ID "-" SPAN "-1", false, false, "flags cut"},
        {"00-" ID "-" SPAN "-", false, false, "no flags"},
        {"00-" ID "-" SPAN, false, false, "no flags"},
        {"00-" ID, false, false, "no span"},
        {"00", false, false, "only a version"},
        {"", false, false, "nothing"},
        {"0-" ID "-" SPAN "-01", false, false, "version cut"},
        {"000-" ID "-" SPAN "-01", false, false, "version too long"},
        {"0x-" ID "-" SPAN "-01", false, false, "version not hexadecimal"},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", false, false, "upper case"},
        {"00-" ID "-00F067AA0BA902B7-01", false, false, "upper case"},
        {"00-" ID "-" SPAN "-0A", false, false, "upper case"},
        {"00-00000000000000000000000000000000-" SPAN "-01", false, false, "trace all zero"},
        {"00-" ID "-0000000000000000-01", false, false, "span all zero"},
        {"00-4bf92f3577b34da6a3ce929d0e0e473-" SPAN "-01", false, false, "trace short"},
        {"00-" ID "0-" SPAN "-01", false, false, "trace long"},
        {"00-" ID "-00f067aa0ba902b-01", false, false, "span short"},
        {"00-" ID "-" SPAN "0-01", false, false, "span long"},
        {"00-4bf92f3577b34da6a3ce929d0e0e473.-" SPAN "-01", false, false, "not hexadecimal"},
        {"00_" ID "_" SPAN "_01", false, false, "other separators"},
        {" 00-" ID "-" SPAN "-01", false, false, "space before"},
        {"00-" ID "-" SPAN "-01 ", false, false, "space behind"},
        {"00-" ID "-" SPAN "-01,00-" ID "-" SPAN "-01", false, false, "two of them"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trace trace;
        bool ok = trace_parse(cases[i].value, &trace);
        if (ok != cases[i].is_valid || trace.is_sampled != cases[i].is_sampled)
            fprintf(stderr, "%s: \"%s\"\n", cases[i].why, cases[i].value);
        CHECK_EQ_INT(ok, cases[i].is_valid);
        CHECK_EQ_INT(trace.is_sampled, cases[i].is_sampled);
        CHECK_EQ_TEXT(trace.id, ok ? ID : "");
        CHECK_EQ_TEXT(trace.span, ok ? SPAN : "");
    }
}

static void test_format(void)
{
    struct trace trace;
    char text[TRACE_PARENT_SIZE];
    CHECK(trace_parse("cc-" ID "-" SPAN "-ff-more", &trace));
    CHECK_EQ_TEXT(trace_format(&trace, text), "00-" ID "-" SPAN "-01");
    trace.is_sampled = false;
    CHECK_EQ_TEXT(trace_format(&trace, text), "00-" ID "-" SPAN "-00");
}

static void test_state(void)
{
    static const struct {
        const char *value;
        const char *passed; /* NULL: refused */
    } cases[] = {
        {"", ""},
        {"foo=1", "foo=1"},
        {"foo=1,bar=2", "foo=1,bar=2"},
        {" foo=1 ,\tbar=2\t", "foo=1,bar=2"},
        {"foo=1,,bar=2,", "foo=1,bar=2"},
        {"foo=1, ,bar=2", "foo=1,bar=2"},
        {"foo= 1", "foo= 1"},
        {"t61rcWkgMzE@x=1", NULL},
        {"0tenant@system=1", "0tenant@system=1"},
        {"a-_*/0=1", "a-_*/0=1"},
        {"0foo=1", NULL},
        {"foo@=1", NULL},
        {"@foo=1", NULL},
        {"foo@bar@baz=1", NULL},
        {"foo@0bar=1", NULL},
        {"foo@abcdefghijklmn=1", "foo@abcdefghijklmn=1"},
        {"foo@abcdefghijklmno=1", NULL},
        {"Foo=1", NULL},
        {"foo =1", NULL},
        {"foo=", NULL},
        {"foo", NULL},
        {"=1", NULL},
        {"foo=1=2", NULL},
        {"foo=1,foo=2", NULL},
        {"foo=1,bar=2,foo=1", NULL},
        {"foo=\x01", NULL},
        {"foo=\xC3\xA4", NULL},
    };
    char out[TRACE_STATE_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool ok = trace_state_take(cases[i].value, out);
        if (ok != (cases[i].passed != NULL))
            fprintf(stderr, "\"%s\"\n", cases[i].value);
        CHECK_EQ_INT(ok, cases[i].passed != NULL);
        CHECK_EQ_TEXT(out, cases[i].passed ? cases[i].passed : "");
    }
}

/* Writes count members "k<i>=vv..." of member_size bytes each, joined by ','; gives the size. */
static size_t write_members(char *out, size_t room, int count, int member_size)
{
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        int key = snprintf(out + size, room - size, "%sk%d=", i ? "," : "", i);
        int value = member_size - (key - (i > 0));
        memset(out + size + key, 'v', (size_t)value);
        size += (size_t)(key + value);
    }
    out[size] = '\0';
    return size;
}

static void test_state_limits(void)
{
    char in[40000], out[TRACE_STATE_SIZE], key[300];
    write_members(in, sizeof in, TRACE_STATE_MEMBERS_MAX, 10);
    CHECK(trace_state_take(in, out));
    CHECK_EQ_TEXT(out, in);
    write_members(in, sizeof in, TRACE_STATE_MEMBERS_MAX + 1, 10);
    CHECK(!trace_state_take(in, out));
    CHECK_EQ_TEXT(out, "");

    memset(key, 'k', sizeof key);
    for (int size = 256; size <= 257; size++) {
        snprintf(in, sizeof in, "%.*s=1", size, key);
        CHECK_EQ_INT(trace_state_take(in, out), size == 256);
        snprintf(in, sizeof in, "a=%.*s", size, key);
        CHECK_EQ_INT(trace_state_take(in, out), size == 256);
    }
    for (int size = 241; size <= 242; size++) {
        snprintf(in, sizeof in, "%.*s@system=1", size, key);
        CHECK_EQ_INT(trace_state_take(in, out), size == 241);
    }
}

static void test_state_is_shortened(void)
{
    char in[4096], out[TRACE_STATE_SIZE], expected[4096];
    /* 4 members of 127 bytes are 511 with their commas, and one byte more is 512. */
    CHECK_EQ_INT(write_members(in, sizeof in, 4, 127), 511);
    strncat(in, "v", 2);
    CHECK(trace_state_take(in, out));
    CHECK_EQ_TEXT(out, in);
    strncat(in, "v", 2);
    CHECK(trace_state_take(in, out));
    write_members(expected, sizeof expected, 3, 127);
    CHECK_EQ_TEXT(out, expected);

    /* A long member in the middle goes before a short one at the end. */
    size_t size = write_members(in, sizeof in, 3, 128);
    memset(expected, 'x', 129);
    snprintf(in + size, sizeof in - size, ",l=%.127s,z=1", expected);
    CHECK(trace_state_take(in, out));
    write_members(expected, sizeof expected, 3, 128);
    strncat(expected, ",z=1", 5);
    CHECK_EQ_TEXT(out, expected);
}

static void test_ids(void)
{
    static const uint64_t zero[2], some[2] = {0x0123456789abcdef, 0xfedcba9876543210};
    char id[TRACE_ID_SIZE], span[TRACE_SPAN_SIZE], child[TRACE_SPAN_SIZE], other[TRACE_SPAN_SIZE];
    trace_make_id(some, id, sizeof id);
    CHECK_EQ_TEXT(id, "0123456789abcdeffedcba9876543210");
    trace_make_id(some, span, sizeof span);
    CHECK_EQ_TEXT(span, "0123456789abcdef");
    trace_make_id(zero, span, sizeof span);
    CHECK(strcmp(span, "0000000000000000") != 0);
    trace_child_span(SPAN, 0, child);
    CHECK_EQ_TEXT(child, SPAN);
    trace_child_span(SPAN, 1, child);
    trace_child_span(SPAN, 2, other);
    CHECK_EQ_INT(strlen(child), 16);
    CHECK(strcmp(child, SPAN) != 0 && strcmp(child, other) != 0);
}

CHECK_MAIN(TEST(test_parent), TEST(test_format), TEST(test_state), TEST(test_state_limits),
           TEST(test_state_is_shortened), TEST(test_ids))
