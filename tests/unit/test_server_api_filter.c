/* SPDX-License-Identifier: MIT */
/* The query argument q: its forms, its limits at n and n + 1, and errors that name the key. */
#include "check.h"
#include "server/api_filter.h"

#define NOW_MS 1795000000000ll
#define RETENTION_MS (40ll * 86400000)
#define HOUR_MS 3600000ll
#define ALL ((1u << FILTER_KEY_COUNT) - 1)

static struct api_filter filter;
static struct error err;

static bool parse(const char *text, unsigned legal)
{
    err = (struct error){0};
    return api_filter_parse(&filter, text, legal, NOW_MS, RETENTION_MS, &err);
}

static void forms(void)
{
    static const char *const same[] = {
        "{code:'X',status:'FAILED'}", "{ \"code\" : \"X\" ,\tstatus:FAILED }", "\n{CODE:X,'status':'FAILED',}  ",
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        CHECK_OK(parse(same[i], ALL), &err);
        CHECK_EQ_TEXT(api_filter_value(&filter, FILTER_CODE), "X");
        CHECK_EQ_TEXT(api_filter_value(&filter, FILTER_STATUS), "FAILED");
        CHECK(!api_filter_value(&filter, FILTER_VERSION));
    }
    CHECK_OK(parse("{code:'',name:'it \"is\" {a:b}, so'}", ALL), &err);
    CHECK_EQ_TEXT(api_filter_value(&filter, FILTER_CODE), "");
    CHECK_EQ_TEXT(api_filter_value(&filter, FILTER_NAME), "it \"is\" {a:b}, so");
    CHECK_OK(parse("{version:01.23.3000|x}", ALL), &err);
    CHECK_EQ_TEXT(api_filter_value(&filter, FILTER_VERSION), "01.23.3000|x");
}

static void names(void)
{
    CHECK_OK(parse("{name:'OU Sync'}", ALL), &err);
    CHECK(api_filter_takes_name(&filter, "OU Sync"));
    CHECK(!api_filter_takes_name(&filter, "OU Sync Ack") && !api_filter_takes_name(&filter, "OU sync"));
    CHECK_OK(parse("{ name : /sync/ , status:'CONFIGURED' }", ALL), &err);
    CHECK(api_filter_takes_name(&filter, "OU Sync Ack") && !api_filter_takes_name(&filter, "OU"));
    CHECK_OK(parse("{status:'CONFIGURED'}", ALL), &err);
    CHECK(api_filter_takes_name(&filter, "whatever"));
    CHECK_FAILS(parse("{name:/x}", ALL), &err, ERROR_INVALID);
    CHECK_FAILS(parse("{code:/x/}", ALL), &err, ERROR_INVALID);
}

static void times(void)
{
    static const struct {
        const char *text;
        int64_t from_ms, to_ms;
    } cases[] = {
        {NULL, NOW_MS - HOUR_MS, 0},
        {"", NOW_MS - HOUR_MS, 0},
        {" ", NOW_MS - HOUR_MS, 0},
        {"{}", NOW_MS - HOUR_MS, 0},
        {"{timewindow:'6h'}", NOW_MS - 6 * HOUR_MS, 0},
        {"{timewindow:'3D'}", NOW_MS - 72 * HOUR_MS, 0},
        {"{timewindow:retentionperiod}", NOW_MS - RETENTION_MS, 0},
        {"{startdate:'2026-11-24 02:37:00'}", 1795487820000ll, 0},
        {"{enddate:'2026-11-24T02:37:00Z'}", 0, 1795487820000ll},
        {"{startdate:'2026-11-24 02:37:00',enddate:'2026-11-24 02:37:00'}", 1795487820000ll, 1795487820000ll},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_OK(parse(cases[i].text, ALL), &err);
        CHECK_EQ_INT(filter.from_ms, cases[i].from_ms);
        CHECK_EQ_INT(filter.to_ms, cases[i].to_ms);
    }
    CHECK_OK(parse(NULL, FILTER_FLOW), &err);
    CHECK_EQ_INT(filter.from_ms, 0); /* where times have no meaning */
}

static void dates(void)
{
    static const char *const wrong[] = {
        "", "now", "2026-11-24", "2026-11-24 02:37", "2026-02-31 00:00:00", "2026-13-01 00:00:00",
        "2026-11-24 25:00:00", "2026-11-24 02:37:00+01:00", "1969-12-31 23:59:59", "2026-11-24 02:37:00 ",
    };
    int64_t at;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(!api_filter_date(wrong[i], &at));
    CHECK(api_filter_date("2024-02-29 23:59:59", &at));
    CHECK_EQ_INT(at, 1709251199000ll);
}

static void errors_name_the_key(void)
{
    static const struct {
        const char *text, *complaint;
    } cases[] = {
        {"x", "expected '{' at character 1"},
        {"{", "expected a key"},
        {"{code", "expected ':' at character 6"},
        {"{code:", "expected a value"},
        {"{code:}", "expected a value"},
        {"{code:'x", "expected a closing quote at character 7"},
        {"{'code:'x'}", "expected a key"},
        {"{code:'x' status:'y'}", "expected ',' or '}'"},
        {"{code:'x'}}", "expected nothing more"},
        {"{code:'x',CODE:'y'}", "key 'CODE' is given twice"},
        {"{cod:'x'}", "key 'cod' is not known here; did you mean 'code'?; legal are timewindow"},
        {"{timewindow:'4h'}", "timewindow '4h': expected 1h, 6h, 1d, 2d, 3d or RETENTIONPERIOD"},
        {"{startdate:'x'}", "startdate 'x': expected a date and time in UTC"},
        {"{enddate:'2026-02-30 00:00:00'}", "enddate '2026-02-30 00:00:00'"},
        {"{startdate:'2026-01-02 00:00:00',enddate:'2026-01-01 00:00:00'}", "startdate is after enddate"},
        {"{timewindow:'1h',enddate:'2026-01-01 00:00:00'}", "not both"},
        {"{minDuration:'-1'}", "minDuration '-1': expected a whole number"},
        {"{maxDuration:31622400001}", "maxDuration '31622400001'"},
        {"{recoverable:'maybe'}", "recoverable 'maybe': expected true or false"},
        {"{includePurged:'onlyPurged'}", "includePurged 'onlyPurged'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(!parse(cases[i].text, ALL));
        CHECK_EQ_INT(err.kind, ERROR_INVALID);
        CHECK_CONTAINS(err.message, cases[i].complaint);
    }
    CHECK(!parse("{status:'FAILED'}", FILTER_FLOW));
    CHECK_CONTAINS(err.message, "legal are code, version");
    CHECK_OK(parse("{maxDuration:31622400000,minDuration:0}", ALL), &err);
}

/* {code:'<size times x>'} or {<size times x>:'v'}. */
static bool parse_long(size_t size, bool is_key)
{
    char text[1024], word[1024];
    memset(word, 'x', size);
    word[size] = '\0';
    snprintf(text, sizeof text, is_key ? "{%.900s:'v'}" : "{code:'%.900s'}", word);
    return parse(text, ALL);
}

static void limits(void)
{
    CHECK_OK(parse_long(API_FILTER_VALUE_SIZE - 1, false), &err);
    CHECK_EQ_INT(strlen(api_filter_value(&filter, FILTER_CODE)), API_FILTER_VALUE_SIZE - 1);
    CHECK(!parse_long(API_FILTER_VALUE_SIZE, false));
    CHECK_CONTAINS(err.message, "longer than 511 bytes");
    CHECK(!parse_long(63, true));
    CHECK_CONTAINS(err.message, "is not known");
    CHECK(!parse_long(64, true));
    CHECK_CONTAINS(err.message, "expected a key");
}

/* Every beginning of a legal text, and every one of it with a byte turned: an answer, no overrun. */
static void cut_and_turned(void)
{
    static const char whole[] = "{timewindow:'1d', \"code\":\"A-B\", minDuration:10}";
    char text[sizeof whole];
    for (size_t size = 0; size < sizeof whole; size++) {
        memcpy(text, whole, size);
        text[size] = '\0';
        CHECK(parse(text, ALL) == (size == 0 || size == sizeof whole - 1));
    }
    for (size_t i = 0; i < sizeof whole - 1; i++) {
        for (unsigned byte = 1; byte < 256; byte++) {
            memcpy(text, whole, sizeof whole);
            text[i] = (char)byte;
            CHECK(parse(text, ALL) || err.message[0]);
        }
    }
}

CHECK_MAIN(TEST(forms), TEST(names), TEST(times), TEST(dates), TEST(errors_name_the_key), TEST(limits),
           TEST(cut_and_turned))
