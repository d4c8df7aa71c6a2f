/* SPDX-License-Identifier: MIT */
/* Listing lines and streams: what servers write, what they should not, and the limits. */
#include "transfer/ftp_listing.h"

#include <stdlib.h>

#include "check.h"
#include "transfer/listing.h"

#define NOW 1795487820 /* 2026-11-24T02:37:00Z */
#define YES "-rw-r--r-- 1 u g "

static const struct list_case {
    const char *line;
    enum listing_line kind;
    const char *name;
    uint64_t size;
    int64_t modified_s;
    const char *why;
} list_cases[] = {
    {"-rw-r--r--    1 1000     1000           12 Nov 24 02:30 C1-a.csv", LINE_FILE, "C1-a.csv", 12,
     1795487400, "vsftpd"},
    {"-rw-r--r--   1 ccs      files    1073741825 Nov 24  2025 C1-a.csv", LINE_FILE, "C1-a.csv",
     1073741825, 1763942400, "ProFTPD, a year"},
    {"-rw-r--r--   1 owner    5 Nov 24 02:30 a.csv", LINE_FILE, "a.csv", 5, 1795487400,
     "no group column"},
    {"-rw-r--r--   1 5 Nov 24 02:30 a.csv", LINE_FILE, "a.csv", 5, 1795487400,
     "neither owner nor group"},
    {"-rw-rw-r--+  1 u g 7 Nov 24 02:30 a.csv", LINE_FILE, "a.csv", 7, 1795487400, "ACL mark"},
    {"-rw-rw-r--.  1 u g 7 Nov 24 02:30 a.csv", LINE_FILE, "a.csv", 7, 1795487400, "SELinux mark"},
    {"-rw-r--r--\t1\tu\tg\t7\tNov\t24\t02:30\ta.csv", LINE_FILE, "a.csv", 7, 1795487400, "tabs"},
    {"  -rw-r--r-- 1 u g 7 Nov 24 02:30 a.csv", LINE_FILE, "a.csv", 7, 1795487400,
     "leading blanks"},
    {YES "7 Nov 24 02:30  a b .csv", LINE_FILE, " a b .csv", 7, 1795487400,
     "blanks in the name stay"},
    {YES "7 Nov 24 02:30 a -> b", LINE_FILE, "a -> b", 7, 1795487400, "an arrow in a file's name"},
    {YES "7 Nov 26 02:30 a.csv", LINE_FILE, "a.csv", 7, 1764124200,
     "a date that would be tomorrow's tomorrow is last year's"},
    {YES "7 Nov 25 02:30 a.csv", LINE_FILE, "a.csv", 7, 1795573800, "a clock that is a day ahead"},
    {YES "7 24 nov 02:30 a.csv", LINE_FILE, "a.csv", 7, 1795487400, "day first"},
    {YES "7 M\xc3\xa4r 24 02:30 a.csv", LINE_FILE, "a.csv", 7, 0, "month of another language"},
    {YES "7 2026-11-24 02:30 a.csv", LINE_FILE, "a.csv", 7, 1795487400, "ISO date"},
    {YES "7 Feb 30 2026 a.csv", LINE_FILE, "a.csv", 7, 1772409600, "a day too many is not refused"},
    {"-rw-r--r-- 1 20 Nov 7 Nov 24 02:30 a.csv", LINE_FILE, "a.csv", 7, 1795487400,
     "a group that is called like a month"},
    {YES "18446744073709551615 Nov 24 02:30 a", LINE_FILE, "a", UINT64_MAX, 1795487400, "largest"},
    {YES "18446744073709551616 Nov 24 02:30 a", LINE_UNPARSED, NULL, 0, 0, "one more"},
    {"-rwsr-xr-t 1 u g 7 Nov 24 02:30 a", LINE_FILE, "a", 7, 1795487400, "special bits"},
    {"drwxr-xr-x 2 u g 4096 Nov 24 02:30 folder", LINE_OTHER, NULL, 0, 0, "folder"},
    {"lrwxrwxrwx 1 u g 5 Nov 24 02:30 link -> a.csv", LINE_OTHER, NULL, 0, 0, "link"},
    {"crw-rw-rw- 1 root root 1, 3 Nov 24 02:30 null", LINE_OTHER, NULL, 0, 0, "device"},
    {"total 12", LINE_NOTHING, NULL, 0, 0, "sum"},
    {"", LINE_NOTHING, NULL, 0, 0, "empty line"},
    {"   ", LINE_NOTHING, NULL, 0, 0, "blank line"},
    {YES "7 Nov 24 02:30 ", LINE_UNPARSED, NULL, 0, 0, "no name"},
    {YES "7 Nov 24 02:30", LINE_UNPARSED, NULL, 0, 0, "no name, not even its blank"},
    {YES "7 Nov 24", LINE_UNPARSED, NULL, 0, 0, "no time"},
    {YES "x Nov 24 02:30 a", LINE_UNPARSED, NULL, 0, 0, "size is no number"},
    {YES "7 Nov 32 02:30 a", LINE_UNPARSED, NULL, 0, 0, "no such day"},
    {YES "7 Nov 24 24:30 a", LINE_UNPARSED, NULL, 0, 0, "no such hour"},
    {"-rw-r--r-?  1 u g 7 Nov 24 02:30 a", LINE_UNPARSED, NULL, 0, 0, "no permissions"},
    {"C1-a.csv", LINE_UNPARSED, NULL, 0, 0, "a bare name is never taken for an entry"},
    {"226 Transfer complete", LINE_UNPARSED, NULL, 0, 0, "a reply in the listing"},
    {"11-24-26  02:30AM                   12 C1-a.csv", LINE_FILE, "C1-a.csv", 12, 1795487400,
     "IIS"},
    {"11-24-2026  02:30PM                 12 a b.csv", LINE_FILE, "a b.csv", 12, 1795530600,
     "IIS, four digits, afternoon"},
    {"11-24-26  12:30AM 12 a", LINE_FILE, "a", 12, 1795480200, "half past midnight"},
    {"11-24-26  14:30 12 a", LINE_FILE, "a", 12, 1795530600, "24 hours"},
    {"11-24-26  02:30 PM 12 a", LINE_FILE, "a", 12, 1795530600, "a blank before PM"},
    {"11-24-26  02:30AM       <DIR>          folder", LINE_OTHER, NULL, 0, 0, "IIS folder"},
    {"11-24-26  02:30AM  1.234 a", LINE_UNPARSED, NULL, 0, 0, "a size with dots"},
    {"13-24-26  02:30AM  1 a", LINE_UNPARSED, NULL, 0, 0, "no such month"},
};

static const struct list_case mlsd_cases[] = {
    {"type=file;size=12;modify=20261124023000;perm=adfrw; C1-a.csv", LINE_FILE, "C1-a.csv", 12,
     1795487400, "RFC 3659"},
    {"Type=FILE;Size=12;Modify=20261124023000.123; a b ", LINE_FILE, "a b ", 12, 1795487400,
     "case, fraction, blanks at the end of the name"},
    {" type=file;size=1; a", LINE_FILE, "a", 1, 0, "indented as in an answer to MLST"},
    {"type=file;modify=20261124023000; a", LINE_FILE, "a", 0, 1795487400, "no size"},
    {"type=file;size=1;UNIX.mode=0644;unique=8g1; a;b=c d", LINE_FILE, "a;b=c d", 1, 0,
     "semicolons in the name"},
    {"type=file;size=1;  a", LINE_FILE, " a", 1, 0, "a name that begins with a blank"},
    {"type=dir;sizd=4096;modify=20261124023000; folder", LINE_OTHER, NULL, 0, 0, "folder"},
    {"type=cdir;modify=20261124023000; .", LINE_OTHER, NULL, 0, 0, "the folder itself"},
    {"type=pdir;modify=20261124023000; ..", LINE_OTHER, NULL, 0, 0, "the one above"},
    {"type=OS.unix=slink:a.csv;size=5; link", LINE_OTHER, NULL, 0, 0, "link"},
    {"type=OS.unix=symlink;size=5; link", LINE_OTHER, NULL, 0, 0, "link, ProFTPD's way"},
    {"size=1;modify=20261124023000; a", LINE_UNPARSED, NULL, 0, 0, "no type: it may be anything"},
    {"type=file;size=-1; a", LINE_UNPARSED, NULL, 0, 0, "negative size"},
    {"type=file;size=18446744073709551616; a", LINE_UNPARSED, NULL, 0, 0, "size that overflows"},
    {"type=file;size=1;modify=2026112402300; a", LINE_FILE, "a", 1, 0,
     "a time cut short: not told"},
    {"type=file;size=1;", LINE_UNPARSED, NULL, 0, 0, "no name"},
    {"type=file;size=1; ", LINE_UNPARSED, NULL, 0, 0, "empty name"},
    {"type=file;size=1 a", LINE_UNPARSED, NULL, 0, 0, "facts without an end"},
    {" a", LINE_UNPARSED, NULL, 0, 0, "no facts"},
    {" ", LINE_UNPARSED, NULL, 0, 0, "nothing"},
    {"", LINE_NOTHING, NULL, 0, 0, "empty line"},
};

static void check_cases(enum listing_format format, const struct list_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct list_case *one = &cases[i];
        int before = check_failures;
        struct listing_name name;
        struct sluice_file_info info;
        size_t size = strlen(one->line);
        char *line = malloc(size ? size : 1); /* exactly as long: a sanitizer sees reads past it */
        memcpy(line, one->line, size);
        CHECK_EQ_INT(listing_parse(format, line, size, NOW, &name, &info), one->kind);
        if (one->kind == LINE_FILE && check_failures == before) {
            char text[256];
            snprintf(text, sizeof text, "%.*s", (int)name.size, name.bytes);
            CHECK_EQ_TEXT(text, one->name);
            CHECK(info.size == one->size);
            CHECK_EQ_INT(info.flags, strcmp(one->why, "no size") ? 0 : SLUICE_FILE_SIZE_UNKNOWN);
            CHECK_EQ_INT(info.modified_s, one->modified_s);
        }
        if (check_failures != before)
            fprintf(stderr, "    case: %s: %s\n", one->why, one->line);
        free(line);
    }
}

static void test_list_lines(void)
{
    check_cases(LISTING_LIST, list_cases, sizeof list_cases / sizeof list_cases[0]);
}

static void test_mlsd_lines(void)
{
    check_cases(LISTING_MLSD, mlsd_cases, sizeof mlsd_cases / sizeof mlsd_cases[0]);
}

static void test_times(void)
{
    static const struct {
        const char *text;
        int64_t expected;
    } cases[] = {
        {"20261124023000", 1795487400},
        {"20261124023000.5", 1795487400},
        {"19700101000000", 0},
        {"20240229120000", 1709208000},
        {"20261324023000", 0},
        {"20261124243000", 0},
        {"2026112402300x", 0},
        {"202611240230001", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_EQ_INT(listing_parse_time(cases[i].text, strlen(cases[i].text)), cases[i].expected);
}

/* Feeds text in pieces of that size; gives what finish says. */
static bool feed(struct remote_listing *out, const char *prefix, const char *text, size_t piece,
                 struct error *err)
{
    struct listing_stream stream;
    *out = (struct remote_listing){0};
    listing_stream_init(&stream, LISTING_LIST, prefix, NOW, out);
    for (size_t at = 0, size = strlen(text); at < size; at += piece)
        if (!listing_stream_feed(&stream, text + at, size - at < piece ? size - at : piece, err))
            return false;
    return listing_stream_finish(&stream, err);
}

static void test_stream_in_any_pieces(void)
{
    static const char text[] =
        "total 2\r\n" YES "1 Nov 24 02:30 C1-a\r\nwhat is this\r\n" YES "2 Nov 24 02:30 C1-b\n" YES
        "3 Nov 24 02:30 other\r\n" YES "4 Nov 24 02:30 C1-bad\x01\r\n";
    struct error err;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct remote_listing listing;
        CHECK_OK(feed(&listing, "C1-", text, piece, &err), &err);
        CHECK_EQ_INT(listing.count, 3);
        CHECK_EQ_INT(listing.understood, 4);
        CHECK_EQ_INT(listing.unparsed, 1);
        CHECK_EQ_TEXT(listing.strange, "what is this");
        if (listing.count == 3) {
            CHECK_EQ_TEXT(listing.entries[1].name, "C1-b");
            CHECK_EQ_INT(listing.entries[0].info.flags, 0);
            CHECK_EQ_INT(listing.entries[2].info.flags, SLUICE_FILE_UNSAFE);
        }
        remote_listing_release(&listing);
    }
}

/* What makes an unreadable listing differ from an empty one; lines that list nothing tell neither. */
static void test_what_was_understood(void)
{
    static const struct {
        const char *text;
        size_t understood, unparsed;
        const char *strange;
    } cases[] = {
        {"", 0, 0, ""},
        {"total 0\r\n\r\n", 0, 0, ""},
        {"total 0\nd\xfc\x1b sind\n\nwir\n", 0, 2, "d?? sind"},
        {"drwxr-xr-x 2 u g 4096 Nov 24 02:30 .\nnonsense\n", 1, 1, "nonsense"},
        {"lrwxrwxrwx 1 u g 5 Nov 24 02:30 link -> a.csv\n", 1, 0, ""},
        {"+i8388621.48594,m825718503,r,s280,\tC1-a.csv\n", 0, 1,
         "+i8388621.48594,m825718503,r,s280,?C1-a.csv"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct remote_listing listing;
        struct error err;
        CHECK_OK(feed(&listing, "C1-", cases[i].text, 3, &err), &err);
        CHECK_EQ_INT(listing.count, 0);
        CHECK_EQ_INT(listing.understood, cases[i].understood);
        CHECK_EQ_INT(listing.unparsed, cases[i].unparsed);
        CHECK_EQ_TEXT(listing.strange, cases[i].strange);
        remote_listing_release(&listing);
    }
}

static void test_strange_lines_are_shown_cut(void)
{
    for (size_t size = LISTING_SHOWN_SIZE - 1; size <= LISTING_SHOWN_SIZE; size++) {
        struct remote_listing listing = {0};
        char line[LISTING_SHOWN_SIZE + 1];
        memset(line, 'n', sizeof line);
        listing_note_unparsed(&listing, line, size);
        listing_note_unparsed(&listing, "x", 1);
        CHECK_EQ_INT(strlen(listing.strange), LISTING_SHOWN_SIZE - 1);
        CHECK_EQ_INT(listing.unparsed, 2);
    }
}

static void test_cut_listing_is_broken(void)
{
    struct remote_listing listing;
    struct error err;
    CHECK_FAILS(feed(&listing, "", YES "1 Nov 24 02:30 a\r\n" YES "2 Nov 2", 7, &err), &err,
                ERROR_BROKEN);
    remote_listing_release(&listing);
    CHECK_OK(feed(&listing, "", "", 1, &err), &err);
    CHECK_EQ_INT(listing.count, 0);
}

static void test_line_limit(void)
{
    struct error err;
    for (size_t over = 0; over < 2; over++) {
        static char text[LISTING_LINE_SIZE_MAX + 64];
        size_t size = LISTING_LINE_SIZE_MAX + over;
        memset(text, 'n', size);
        memcpy(text, YES "1 Nov 24 02:30 ", strlen(YES "1 Nov 24 02:30 "));
        snprintf(text + size, sizeof text - size, "\n" YES "2 Nov 24 02:30 next\n");
        struct remote_listing listing;
        CHECK_OK(feed(&listing, "", text, 1000, &err), &err);
        CHECK_EQ_INT(listing.count, over ? 1 : 2); /* a line that is too long is counted, not cut */
        CHECK_EQ_INT(listing.unparsed, over);
        if (!over && listing.count == 2) /* and a name over REMOTE_NAME_SIZE_MAX is flagged */
            CHECK_EQ_INT(listing.entries[0].info.flags, SLUICE_FILE_UNSAFE);
        remote_listing_release(&listing);
    }
}

/* Whatever the order and however many: the first names, and one more to tell that there are more. */
static void test_entry_limit(void)
{
    static const unsigned counts[] = {LISTING_ENTRIES_MAX, LISTING_ENTRIES_MAX + 1,
                                      5 * LISTING_ENTRIES_MAX};
    for (size_t row = 0; row < sizeof counts / sizeof counts[0]; row++) {
        struct remote_listing listing = {0};
        struct sluice_file_info info = {.size = 1};
        struct error err;
        bool ok = true, is_bounded = true;
        for (unsigned i = 0; i < counts[row]; i++) {
            char name[16];
            snprintf(name, sizeof name, "%07u", counts[row] - i - 1);
            ok = ok && listing_add(&listing, name, 7, &info, &err);
            is_bounded = is_bounded && listing.count <= 2 * LISTING_ENTRIES_KEPT;
        }
        CHECK(ok && is_bounded);
        listing_finish(&listing);
        CHECK_EQ_INT(listing.count, row == 0 ? LISTING_ENTRIES_MAX : LISTING_ENTRIES_KEPT);
        CHECK_EQ_TEXT(listing.entries[0].name, "0000000");
        CHECK_EQ_TEXT(listing.entries[LISTING_ENTRIES_MAX - 1].name, "0099999");
        remote_listing_release(&listing);
    }
}

/* One that never ends, as a hostile server sends it: lines that are no entries. */
static void test_bytes_limit(void)
{
    static const char line[] = "total 0\n";
    struct remote_listing listing = {0};
    struct listing_stream stream;
    struct error err;
    listing_stream_init(&stream, LISTING_LIST, "", 0, &listing);
    stream.received = LISTING_BYTES_MAX - 8; /* as if that had been read */
    CHECK_OK(listing_stream_feed(&stream, line, 8, &err), &err);
    CHECK_FAILS(listing_stream_feed(&stream, line, 1, &err), &err, ERROR_LIMIT);
    CHECK_CONTAINS(err.message, "the listing has more than 536870912 bytes");
    remote_listing_release(&listing);
}

static void add(struct remote_listing *listing, const char *name, uint64_t size, int64_t modified_s)
{
    struct sluice_file_info info = {.size = size, .modified_s = modified_s};
    struct error err;
    CHECK_OK(listing_add(listing, name, strlen(name), &info, &err), &err);
}

static void test_two_looks(void)
{
    struct remote_listing before = {0}, now = {0};
    add(&before, "z-same", 1, 5);
    add(&before, "size", 1, 5);
    add(&before, "time", 1, 5);
    add(&before, "gone", 1, 5);
    add(&now, "time", 1, 6);
    add(&now, "new", 1, 5);
    add(&now, "size", 2, 5);
    add(&now, "z-same", 1, 5);
    listing_finish(&before);
    listing_finish(&now);
    listing_flag_growing(&before, &now);
    listing_flag_larger(&now, 1);
    static const struct {
        const char *name;
        uint32_t flags;
    } expected[] = {{"new", SLUICE_FILE_GROWING},
                    {"size", SLUICE_FILE_GROWING | SLUICE_FILE_TOO_LARGE},
                    {"time", SLUICE_FILE_GROWING},
                    {"z-same", 0}};
    CHECK_EQ_INT(now.count, 4);
    for (size_t i = 0; i < now.count && i < 4; i++) {
        CHECK_EQ_TEXT(now.entries[i].name, expected[i].name);
        CHECK_EQ_INT(now.entries[i].info.flags, expected[i].flags);
    }
    remote_listing_release(&before);
    remote_listing_release(&now);
}

static void test_a_copy_of_a_file_is_all_of_it(void)
{
    static const struct connection connection;
    static struct remote_stream stream;
    static char texts[][8] = {"place", "folder", "name", "etag", "digest", "filters"};
    const struct remote_file file = {
        .connection = &connection, .place = texts[0], .stream = &stream, .folder = texts[1], .name = texts[2],
        .etag = texts[3], .digest = texts[4], .filters = texts[5],
        .info = {.size = 1, .modified_s = 2, .flags = SLUICE_FILE_TOO_LARGE}};
    struct remote_file copy, empty = {0};
    CHECK(remote_file_copy(&file, &copy));
    CHECK(copy.connection == &connection && copy.stream == &stream);
    const char *const copies[] = {copy.place, copy.folder, copy.name, copy.etag, copy.digest, copy.filters};
    for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++)
        CHECK(copies[i] != texts[i] && strcmp(copies[i], texts[i]) == 0);
    CHECK(memcmp(&copy.info, &file.info, sizeof copy.info) == 0);
    remote_file_release(&copy);
    CHECK(memcmp(&copy, &empty, sizeof copy) == 0);
    CHECK(remote_file_copy(&empty, &copy)); /* what is not known stays so */
    CHECK(memcmp(&copy, &empty, sizeof copy) == 0);
}

CHECK_MAIN(TEST(test_list_lines), TEST(test_mlsd_lines), TEST(test_times),
           TEST(test_stream_in_any_pieces), TEST(test_what_was_understood),
           TEST(test_strange_lines_are_shown_cut), TEST(test_cut_listing_is_broken), TEST(test_line_limit),
           TEST(test_entry_limit), TEST(test_bytes_limit), TEST(test_two_looks),
           TEST(test_a_copy_of_a_file_is_all_of_it))
