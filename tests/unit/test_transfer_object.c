/* SPDX-License-Identifier: MIT */
/* Answers of Object Storage as values: listings, times, error bodies, names, part sizes, addresses.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "check.h"
#include "transfer/object_http.h"
#include "transfer/object_listing.h"
#include "transfer/object_store.h"

static bool append(const char *text, struct remote_listing *listing, struct buf *next,
                   struct error *err)
{
    buf_init(next, OBJECT_NAME_SIZE_MAX);
    return object_listing_append(text, strlen(text), listing, next, err);
}

static void test_listing_pages(void)
{
    struct remote_listing listing = {0};
    struct buf next;
    struct error err = {0};
    CHECK_OK(
        append("{\"objects\":[{\"name\":\"b.csv\",\"size\":5,\"etag\":\"e\",\"md5\":\"m\","
               "\"timeModified\":\"2026-11-24T02:37:00.123Z\"},{\"name\":\"folder/\",\"size\":0},"
               "{\"name\":\"\xC3\xA4\\u00e4\",\"size\":9007199254740992}],"
               "\"prefixes\":[],\"nextStartWith\":\"c.csv\"}",
               &listing, &next, &err),
        &err);
    CHECK_EQ_INT(listing.count, 2);
    CHECK_EQ_TEXT(listing.entries[0].name, "b.csv");
    CHECK_EQ_INT(listing.entries[0].info.size, 5);
    CHECK_EQ_INT(listing.entries[0].info.modified_s, 1795487820);
    CHECK_EQ_TEXT(listing.entries[1].name, "ää");
    CHECK_EQ_INT(listing.entries[1].info.size, 9007199254740992);
    CHECK_EQ_TEXT(buf_text(&next), "c.csv");
    buf_release(&next);
    CHECK_OK(append("{\"objects\":[{\"name\":\"c.csv\",\"size\":0}]}", &listing, &next, &err),
             &err);
    CHECK_EQ_INT(listing.count, 3);
    CHECK_EQ_TEXT(buf_text(&next), "");
    buf_release(&next);
    CHECK_OK(append("{\"objects\":[],\"nextStartWith\":null}", &listing, &next, &err), &err);
    CHECK_EQ_INT(listing.unparsed, 0);
    buf_release(&next);
    remote_listing_release(&listing);
}

static void test_objects_without_sense_are_counted(void)
{
    struct remote_listing listing = {0};
    struct buf next;
    struct error err = {0};
    CHECK_OK(append("{\"objects\":[{\"size\":5},{\"name\":\"\",\"size\":5},{\"name\":\"x\"},"
                    "{\"name\":\"x\",\"size\":-1},{\"name\":\"x\",\"size\":1e300},"
                    "{\"name\":\"x\",\"size\":\"5\"},{\"name\":7,\"size\":5},5,null,"
                    "{\"name\":\"good\",\"size\":1}]}", &listing, &next, &err), &err);
    CHECK_EQ_INT(listing.count, 1);
    CHECK_EQ_INT(listing.understood, 1);
    CHECK_EQ_INT(listing.unparsed, 9);
    buf_release(&next);
    remote_listing_release(&listing);
}

static void test_what_is_no_listing(void)
{
    static const char *const texts[] = {"",
                                        "[]",
                                        "{}",
                                        "{\"objects\":{}}",
                                        "{\"objects\":[",
                                        "null",
                                        "{\"objects\":[],\"nextStartWith\":5}",
                                        "<html>",
                                        "{\"objects\":[]}}",
                                        "{\"objects\":[{\"name\":\"\xFF\"}]}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct remote_listing listing = {0};
        struct buf next;
        struct error err = {0};
        CHECK_FAILS(append(texts[i], &listing, &next, &err), &err, ERROR_BROKEN);
        buf_release(&next);
        remote_listing_release(&listing);
    }
}

static void test_next_start_limit(void)
{
    for (size_t size = OBJECT_NAME_SIZE_MAX; size <= OBJECT_NAME_SIZE_MAX + 1; size++) {
        struct remote_listing listing = {0};
        struct buf next, text;
        struct error err = {0};
        buf_init(&text, 4096);
        buf_append_text(&text, "{\"objects\":[],\"nextStartWith\":\"");
        for (size_t i = 0; i < size; i++)
            buf_append_char(&text, 'n');
        buf_append_text(&text, "\"}");
        if (size == OBJECT_NAME_SIZE_MAX)
            CHECK_OK(append(buf_text(&text), &listing, &next, &err), &err);
        else
            CHECK_FAILS(append(buf_text(&text), &listing, &next, &err), &err, ERROR_BROKEN);
        buf_release(&next);
        buf_release(&text);
        remote_listing_release(&listing);
    }
}

static void test_times(void)
{
    CHECK_EQ_INT(object_time_parse("2026-11-24T02:37:00Z"), 1795487820);
    CHECK_EQ_INT(object_time_parse("2026-11-24T02:37:00.999999Z"), 1795487820);
    CHECK_EQ_INT(object_time_parse("2026-11-24T04:37:00+02:00"), 1795487820);
    CHECK_EQ_INT(object_time_parse("2026-11-23T21:07:00-05:30"), 1795487820);
    CHECK_EQ_INT(object_time_parse("2024-02-29T00:00:00Z"), 1709164800);
    CHECK_EQ_INT(object_time_parse("1970-01-01T00:00:01Z"), 1);
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-13-01T00:00:00Z",
                                      "2026-11-24 02:37:00Z",
                                      "2026-11-24T24:00:00Z",
                                      "2026-11-24T02:37:00",
                                      "2026-11-24T02:37:00Zx",
                                      "2026-11-24T02:37:00+2",
                                      "x026-11-24T02:37:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQ_INT(object_time_parse(bad[i]), 0);
    CHECK_EQ_INT(object_http_date_parse("Tue, 24 Nov 2026 02:37:00 GMT"), 1795487820);
    static const char *const bad_dates[] = {"",
                                            "24 Nov 2026",
                                            "Tue, 24 Nov 2026 02:37:00",
                                            "Tue, ",
                                            "Tue, 24 anF 2026 02:37:00 GMT",
                                            "Tue, 2 Nov 2026 02:37:00 GMT",
                                            "Tue, 24 No",
                                            "Tuesday, 24-Nov-26 02:37:00 GMT"};
    for (size_t i = 0; i < sizeof bad_dates / sizeof bad_dates[0]; i++)
        CHECK_EQ_INT(object_http_date_parse(bad_dates[i]), 0);
}

static void check_error_text(const char *body, const char *expected)
{
    struct buf in, out;
    buf_init(&in, 65536);
    buf_init(&out, 1024);
    buf_append_text(&in, body);
    object_error_text(&in, &out);
    CHECK_EQ_TEXT(buf_text(&out), expected);
    buf_release(&in);
    buf_release(&out);
}

static void test_error_bodies(void)
{
    check_error_text("{\"code\":\"BucketNotFound\",\"message\":\"Either\\nor\"}",
                     "BucketNotFound: Either or");
    check_error_text("{\"code\":\"X\"}", "X");
    check_error_text("{\"message\":\"m\"}", "m");
    check_error_text("<html>\r\nBad</html>", "<html>  Bad</html>");
    check_error_text("", "");
    check_error_text("{\"code\":5}", "{\"code\":5}");
    char longer[2001];
    memset(longer, 'x', 2000);
    longer[2000] = '\0';
    struct buf in, out;
    buf_init(&in, 65536);
    buf_init(&out, 1024);
    buf_append_text(&in, longer);
    object_error_text(&in, &out);
    CHECK_EQ_INT(out.size, 300);
    buf_clear(&in);
    buf_clear(&out);
    buf_append(&in, longer, 299);
    buf_append_text(&in, "ä");
    object_error_text(&in, &out);
    CHECK_EQ_INT(out.size, 299); /* not half a character */
    buf_release(&in);
    buf_release(&out);
}

static void test_names(void)
{
    struct error err = {0};
    char name[OBJECT_NAME_SIZE_MAX + 2];
    memset(name, 'n', sizeof name);
    name[OBJECT_NAME_SIZE_MAX] = '\0';
    CHECK_OK(object_check_name(name, &err), &err);
    name[OBJECT_NAME_SIZE_MAX] = 'n';
    name[OBJECT_NAME_SIZE_MAX + 1] = '\0';
    CHECK_FAILS(object_check_name(name, &err), &err, ERROR_INVALID);
    CHECK_FAILS(object_check_name("", &err), &err, ERROR_INVALID);
    CHECK_FAILS(object_check_name("a\nb", &err), &err, ERROR_INVALID);
    CHECK_FAILS(object_check_name("\xFF", &err), &err, ERROR_INVALID);
    CHECK_OK(object_check_name("ä b+c%/d", &err), &err);
}

static void test_addresses(void)
{
    const struct connection connection = {.name = "OS"};
    struct error err = {0};
    struct buf path;
    buf_init(&path, 16384);
    CHECK_OK(object_append_name(&connection, "ns/my bucket", "o", "in/a b+ü%.csv", &path, &err),
             &err);
    CHECK_EQ_TEXT(buf_text(&path), "/n/ns/b/my%20bucket/o/in%2Fa%20b%2B%C3%BC%25.csv");
    static const char *const bad[] = {"", "ns", "/b", "ns/", "ns/b/c", "n\ns/b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_FAILS(object_append_bucket(&connection, bad[i], &path, &err), &err, ERROR_INVALID);
    buf_release(&path);
}

static void test_part_sizes(void)
{
    struct error err = {0};
    uint64_t part;
    const uint64_t mib = 1u << 20;
    CHECK_OK(object_part_size(200 * mib, 0, &part, &err), &err);
    CHECK_EQ_INT(part, OBJECT_PART_SIZE_DEFAULT);
    CHECK_OK(object_part_size(10000 * mib, mib, &part, &err), &err);
    CHECK_EQ_INT(part, mib);
    CHECK_OK(object_part_size(10000 * mib + 1, mib, &part, &err), &err);
    CHECK_EQ_INT(part, 2 * mib);
    CHECK_OK(object_part_size(OBJECT_SIZE_MAX, mib, &part, &err), &err);
    CHECK((OBJECT_SIZE_MAX + part - 1) / part <= OBJECT_PARTS_MAX);
    CHECK_FAILS(object_part_size(OBJECT_SIZE_MAX + 1, mib, &part, &err), &err, ERROR_LIMIT);
    CHECK_OK(object_part_size(1, OBJECT_PART_SIZE_MAX, &part, &err), &err);
    CHECK_FAILS(object_part_size(1, OBJECT_PART_SIZE_MAX + 1, &part, &err), &err, ERROR_LIMIT);
}

static void test_held_sizes(void)
{
    const uint64_t mib = 1u << 20;
    CHECK_EQ_INT(object_held_size(0, 0), OBJECT_HELD_SIZE_DEFAULT);
    CHECK_EQ_INT(object_held_size(0, 64 * mib), OBJECT_HELD_SIZE_DEFAULT);
    CHECK_EQ_INT(object_held_size(0, mib), mib);
    CHECK_EQ_INT(object_held_size(10000 * mib, mib), mib);
    CHECK_EQ_INT(object_held_size(10000 * mib + 1, mib), 2 * mib);
    CHECK_EQ_INT(object_held_size(160000 * mib, 0), 16 * mib);
    CHECK_EQ_INT(object_held_size(160000 * mib + 1, 0), 17 * mib);
    CHECK_EQ_INT(object_held_size(OBJECT_SIZE_MAX, 0), OBJECT_HELD_SIZE_MAX);
}

static int64_t here_s;

static int64_t wall_ns(void *context)
{
    (void)context;
    return here_s * 1000000000;
}

/* What is said to a login that is refused at 1994-11-06T08:49:37Z of the service. */
static struct error refused_at(int64_t lead_s)
{
    static const struct clock_source source = {.wall_ns = wall_ns, .monotonic_ns = wall_ns};
    static const struct connection connection = {.name = (char *)"S"};
    struct http_response response = {.status = 401};
    struct error err = {0};
    here_s = 784111777 + lead_s;
    clock_use(&source);
    buf_init(&response.headers, 1024);
    buf_init(&response.body, 1024);
    buf_append_text(&response.headers, "date: Sun, 06 Nov 1994 08:49:37 GMT\n");
    CHECK_FAILS(object_refuse(&connection, &response, "object 'x'", &err), &err, ERROR_DENIED);
    http_response_release(&response);
    clock_use(NULL);
    return err;
}

static void test_clock_skew(void)
{
    CHECK_CONTAINS(refused_at(0).message, "login refused");
    CHECK_CONTAINS(refused_at(OBJECT_SKEW_MAX_S).message, "login refused");
    CHECK_CONTAINS(refused_at(-OBJECT_SKEW_MAX_S).message, "login refused");
    CHECK_CONTAINS(refused_at(OBJECT_SKEW_MAX_S + 1).message, "clock is 301 s ahead of the service's");
    CHECK_CONTAINS(refused_at(-OBJECT_SKEW_MAX_S - 1).message, "clock is 301 s behind the service's");
}

CHECK_MAIN(TEST(test_held_sizes), TEST(test_listing_pages), TEST(test_objects_without_sense_are_counted),
           TEST(test_what_is_no_listing), TEST(test_next_start_limit), TEST(test_times),
           TEST(test_error_bodies), TEST(test_names), TEST(test_addresses), TEST(test_part_sizes),
           TEST(test_clock_skew))
