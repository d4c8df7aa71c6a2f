/* SPDX-License-Identifier: MIT */
/* connections.json: what each type takes, and the exact words of each complaint. */
#include "check.h"
#include "unit/temporary.h"
#include "workspace/connections.h"

#define FTP_HEAD "{\"C\": {\"type\": \"ftp\", \"host\": \"h\", \"user\": \"u\", \"password\": {\"env\": \"P\"}"
#define REST_HEAD "{\"C\": {\"type\": \"rest\", \"url\": \"https://h/x/\""
#define FINGERPRINT "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99"
#define OS_HEAD                                                                                    \
    "{\"C\": {\"type\": \"object_storage\", \"tenancy\": \"t\", \"user\": \"u\","                  \
    " \"private_key\": \"k.pem\""

static bool read_text(const char *json, struct connection *out, struct error *err)
{
    struct temporary temporary = temporary_make();
    struct connection *connections = NULL;
    size_t count = 0;
    temporary_write(&temporary, "connections.json", json);
    bool ok = connections_read(temporary.folder, NULL, &connections, &count, err);
    if (ok && count > 0)
        *out = connections[0];
    for (size_t i = 1; ok && i < count; i++)
        connection_release(&connections[i]);
    free(connections);
    temporary_remove(&temporary);
    return ok;
}

static void complaints_say_where_and_what(void)
{
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"[]", "connections.json:1:1: expected an object: { ... }"},
        {"{\"C\": 1}", "connections.json:1:2: connection 'C' must be an object: { \"type\": ... }"},
        {"{\"\": {}}", "connections.json:1:2: a connection's name has 1 to 128 bytes and no control "
                       "characters"},
        {"{\"C\": {}}", "connections.json:1:2: connection 'C': \"type\" is missing: one of \"ftp\", "
                        "\"sftp\", \"object_storage\", \"rest\", \"smtp\", \"local\""},
        {"{\"C\": {\"type\": \"ftps\"}}",
         "connections.json:1:8: connection 'C': \"type\" must be one of \"ftp\", \"sftp\", "
         "\"object_storage\", \"rest\", \"smtp\", \"local\"; did you mean \"ftp\"?"},
        {"// first\n{\n  /* \"C\": 1 */ \"C\": {\n    \"type\": \"local\",\n    \"hots\": 1}}",
         "connections.json:5:5: connection 'C': unknown key \"hots\"; legal here: \"type\", "
         "\"disabled\""},
        {FTP_HEAD ", \"prot\": 21}}",
         "connections.json:1:75: connection 'C': unknown key \"prot\" (did you mean \"port\"?); legal "
         "here: \"type\", \"disabled\", \"host\", \"port\", \"tls\", \"tls_verify\", \"ca\", \"user\", "
         "\"password\", \"on_conflict\", \"settle_ms\", \"connect_timeout_s\", \"stall_timeout_s\", "
         "\"request_timeout_s\", \"retry\""},
        {FTP_HEAD ",\n\"retry\": 3}}",
         "connections.json:2:1: connection 'C', \"retry\" must be an object"},
        {FTP_HEAD ",\n\"retry\": {\"attemps\": 3}}}",
         "connections.json:2:11: connection 'C', \"retry\": unknown key \"attemps\" (did you mean "
         "\"attempts\"?); legal here: \"attempts\", \"attempts_synchronous\", \"pause_s\", "
         "\"pause_max_s\", \"circuit_failures\", \"circuit_open_s\""},
        {FTP_HEAD ",\n\"retry\": {\"attempts\": 0}}}",
         "connections.json:2:11: connection 'C', \"retry\": \"attempts\" must be a whole number from 1 "
         "to 100, not 0"},
        {FTP_HEAD ",\n\"retry\": {\"attempts_synchronous\": 11}}}",
         "connections.json:2:11: connection 'C', \"retry\": \"attempts_synchronous\" must be a whole "
         "number from 1 to 10, not 11"},
        {FTP_HEAD ",\n\"retry\": {\"pause_s\": 5, \"pause_max_s\": 4}}}",
         "connections.json:2:1: connection 'C', \"retry\": \"pause_max_s\" is less than \"pause_s\""},
        {FTP_HEAD ",\n\"retry\": {\"circuit_failures\": 1001}}}",
         "connections.json:2:11: connection 'C', \"retry\": \"circuit_failures\" must be a whole number "
         "from 0 to 1000, not 1001"},
        {"{\"C\": {\"type\": \"smtp\", \"host\": \"h\",\n\"retry\": {}}}",
         "connections.json:2:1: connection 'C': unknown key \"retry\"; legal here: \"type\", "
         "\"disabled\", \"host\", \"port\", \"tls\", \"tls_verify\", \"ca\", \"user\", "
         "\"password\", \"connect_timeout_s\", \"stall_timeout_s\", \"request_timeout_s\""},
        {FTP_HEAD ",\n\"port\": 0}}",
         "connections.json:2:1: connection 'C': \"port\" must be a whole number from 1 to 65535, "
         "not 0"},
        {FTP_HEAD ",\n\"port\": 65536}}",
         "connections.json:2:1: connection 'C': \"port\" must be a whole number from 1 to 65535, "
         "not 65536"},
        {FTP_HEAD ",\n\"port\": \"21\"}}",
         "connections.json:2:1: connection 'C': \"port\" must be a whole number from 1 to 65535"},
        {FTP_HEAD ",\n\"port\": 2.5}}",
         "connections.json:2:1: connection 'C': \"port\" must be a whole number from 1 to 65535, "
         "not 2.5"},
        {FTP_HEAD ",\n\"tls\": \"explict\"}}",
         "connections.json:2:1: connection 'C': \"tls\" must be one of \"none\", \"explicit\", "
         "\"implicit\"; did you mean \"explicit\"?"},
        {FTP_HEAD ",\n\"tls_verify\": \"no\"}}",
         "connections.json:2:1: connection 'C': \"tls_verify\" must be true or false"},
        {FTP_HEAD ",\n\"connect_timeout_s\": 0}}",
         "connections.json:2:1: connection 'C': \"connect_timeout_s\" must be a number of seconds "
         "from 1 to 600, not 0"},
        {"{\"C\": {\"type\": \"ftp\", \"user\": \"u\", \"password\": {\"env\": \"P\"}}}",
         "connections.json:1:2: connection 'C': \"host\" is missing"},
        {"{\"C\": {\"type\": \"ftp\", \"host\": \"ftp://h\"}}",
         "connections.json:1:23: connection 'C': \"host\" must be a host name or an address alone, "
         "without scheme, user, port or path"},
        {"{\"C\": {\"type\": \"ftp\", \"host\": \"h\\r\\nQUIT\"}}",
         "connections.json:1:23: connection 'C': \"host\" must not hold control characters"},
        {"{\"C\": {\"type\": \"ftp\",\n \"password\": \"hunter2\"}}",
         "connections.json:2:2: connection 'C': \"password\" is a secret in plain text, which is "
         "refused; give {\"env\": \"NAME\"} for an environment variable, {\"file\": \"PATH\"} for a "
         "file or {\"credential\": \"NAME\"} for a file in $CREDENTIALS_DIRECTORY"},
        {"{\"C\": {\"type\": \"ftp\",\n \"password\": {\"env\": \"A\", \"file\": \"b\"}}}",
         "connections.json:2:2: connection 'C': \"password\" must be {\"env\": \"NAME\"} for an "
         "environment variable, {\"file\": \"PATH\"} for a file or {\"credential\": \"NAME\"} for a "
         "file in $CREDENTIALS_DIRECTORY"},
        {"{\"C\": {\"type\": \"ftp\",\n \"password\": {\"credential\": \"../p\"}}}",
         "connections.json:2:15: connection 'C': \"password\" must be the name of a file in "
         "$CREDENTIALS_DIRECTORY, without '/' and not beginning with '.'"},
        {"{\"C\": {\"type\": \"sftp\", \"host\": \"h\", \"user\": \"u\", \"known_hosts\": \"k\","
         "\n \"private_key\": {\"env\": \"K\"}}}",
         "connections.json:2:2: connection 'C': \"private_key\" must be a file: for SFTP it cannot "
         "come from the environment"},
        {REST_HEAD ", \"auth\": \"basic\", \"user\": \"u\"}}",
         "connections.json:1:47: connection 'C': \"password\" is missing: \"auth\" is \"basic\""},
        {REST_HEAD "}}", "connections.json:1:2: connection 'C': \"user\" is missing: \"auth\" is "
                         "\"basic\""},
        {REST_HEAD ", \"auth\": \"none\", \"user\": \"u\"}}",
         "connections.json:1:63: connection 'C': \"user\" has no meaning where \"auth\" is \"none\""},
        {REST_HEAD ", \"auth\": \"oauth2_client_credentials\", \"client_id\": \"i\"}}",
         "connections.json:1:47: connection 'C': \"token_url\" is missing: \"auth\" is "
         "\"oauth2_client_credentials\""},
        {"{\"C\": {\"type\": \"rest\", \"auth\": \"none\", \"url\": \"http://h.example/\"}}",
         "connections.json:1:40: connection 'C': http:// would send credentials readable by anybody "
         "on the way; use https://, or add \"tls\": \"none\" to say that this is meant"},
        {"{\"C\": {\"type\": \"rest\", \"auth\": \"none\", \"tls\": \"none\", \"url\": \"https://h\"}}",
         "connections.json:1:40: connection 'C': \"tls\" is \"none\" but \"url\" begins with https://"},
        {"{\"C\": {\"type\": \"rest\", \"auth\": \"none\", \"url\": \"ftp://h\"}}",
         "connections.json:1:40: connection 'C': \"url\" must begin with https:// or http://"},
        {"{\"C\": {\"type\": \"rest\", \"auth\": \"none\", \"url\": \"https://u:pass@h\"}}",
         "connections.json:1:40: connection 'C': \"url\" must not hold a user or password; use "
         "\"user\" and \"password\""},
        {"{\"C\": {\"type\": \"rest\", \"auth\": \"none\", \"url\": \"https://h:70000\"}}",
         "connections.json:1:40: connection 'C': \"url\" must have a host and, if any, a port from 1 "
         "to 65535"},
        {"{\"C\": {\"type\": \"rest\", \"auth\": \"none\", \"url\": \"https://h?a\"}}",
         "connections.json:1:40: connection 'C': \"url\" must not hold a query ('?') or a fragment "
         "('#')"},
        {OS_HEAD ", \"url\": \"https://h\", \"fingerprint\": \"aa:bb\"}}",
         "connections.json:1:107: connection 'C': \"fingerprint\" must be 16 pairs of hexadecimal "
         "digits with ':' between, as the console shows it"},
        {OS_HEAD ", \"url\": \"https://h\", \"fingerprint\": \"" FINGERPRINT "\", \"part_size\": 4095}}",
         "connections.json:1:173: connection 'C': \"part_size\" must be a size from 4.0 KiB to 50.0 "
         "GiB: bytes, or text such as \"64MiB\""},
        {"{\"C\": {\"type\": \"sftp\", \"host\": \"h\", \"user\": \"u\", \"known_hosts\": \"k\"}}",
         "connections.json:1:37: connection 'C': \"password\" or \"private_key\" is missing"},
        {"{\"C\": {\"type\": \"smtp\", \"host\": \"h\", \"user\": \"u\"}}",
         "connections.json:1:37: connection 'C': \"user\" and \"password\" go together"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct connection connection = {0};
        struct error err = {0};
        CHECK_FAILS(read_text(cases[i].json, &connection, &err), &err, ERROR_INVALID);
        CHECK_EQ_TEXT(err.message, cases[i].message);
        connection_release(&connection);
    }
}

static struct connection read_good(const char *json)
{
    struct connection connection = {0};
    struct error err = {0};
    CHECK_OK(read_text(json, &connection, &err), &err);
    return connection;
}

static void ftp_has_safe_defaults(void)
{
    struct connection c = read_good(FTP_HEAD "}}");
    CHECK_EQ_TEXT(c.name, "C");
    CHECK_EQ_INT(c.type, CONNECTION_FTP);
    CHECK_EQ_INT(c.tls, TLS_EXPLICIT);
    CHECK(c.tls_verify);
    CHECK_EQ_INT(c.port, 21);
    CHECK_EQ_INT(c.on_conflict, CONFLICT_FAIL);
    CHECK_EQ_INT(c.connect_timeout_ms, 30000);
    CHECK_EQ_TEXT(c.password.env, "P");
    connection_release(&c);
    c = read_good(FTP_HEAD ", \"tls\": \"implicit\", \"ca\": \"ours\", \"stall_timeout_s\": 2.5,"
                           " \"on_conflict\": \"number\"}}");
    CHECK_EQ_INT(c.port, 990);
    CHECK_EQ_INT(c.stall_timeout_ms, 2500);
    CHECK_EQ_INT(c.on_conflict, CONFLICT_NUMBER);
    CHECK_CONTAINS(c.ca_file, "/certificates/ours.pem");
    CHECK(c.ca_file[0] == '/');
    connection_release(&c);
    c = read_good(FTP_HEAD ", \"port\": 65535, \"ca\": \"keys/a.pem\"}}");
    CHECK_EQ_INT(c.port, 65535);
    CHECK_CONTAINS(c.ca_file, "/keys/a.pem");
    connection_release(&c);
}

static void other_types_are_read(void)
{
    struct connection c = read_good(OS_HEAD ", \"url\": \"http://127.0.0.1:99/\", \"fingerprint\": \""
                                            FINGERPRINT "\", \"part_size\": \"5MiB\"}}");
    CHECK_EQ_TEXT(c.url, "http://127.0.0.1:99");
    CHECK_EQ_INT(c.tls, TLS_NONE);
    CHECK_EQ_INT(c.auth, AUTH_OCI_SIGNATURE_V1);
    CHECK_EQ_INT(c.part_size, 5 << 20);
    CHECK_EQ_INT(c.settle_ms, 0);
    connection_release(&c);
    c = read_good(REST_HEAD ", \"auth\": \"oauth2_client_credentials\", \"client_id\": \"i\","
                            " \"client_secret\": {\"file\": \"s\"}, \"token_url\": \"https://t/x\","
                            " \"scope\": \"a b\", \"wrapper\": \"w\"}}");
    CHECK_EQ_TEXT(c.url, "https://h/x");
    CHECK_EQ_INT(c.tls, TLS_IMPLICIT);
    CHECK_EQ_INT(c.auth, AUTH_OAUTH2_CLIENT);
    CHECK_EQ_TEXT(c.user, "i");
    CHECK_CONTAINS(c.password.file, "/s");
    CHECK_EQ_TEXT(c.wrapper, "w");
    connection_release(&c);
    c = read_good("{\"C\": {\"type\": \"rest\", \"auth\": \"none\", \"tls\": \"none\","
                  " \"url\": \"http://[2001:db8::1]:8080/x\"}}");
    CHECK_EQ_INT(c.tls, TLS_NONE);
    connection_release(&c);
    c = read_good("{\"C\": {\"type\": \"smtp\", \"host\": \"::1\", \"tls\": \"none\", \"disabled\": true}}");
    CHECK_EQ_INT(c.port, 25);
    CHECK_EQ_INT(c.auth, AUTH_NONE);
    CHECK(c.disabled);
    connection_release(&c);
    c = read_good("{\"C\": {\"type\": \"local\"}}");
    CHECK_EQ_TEXT(connection_type_name(c.type), "local");
    connection_release(&c);
}

static bool read_many(int count, struct error *err)
{
    struct buf json;
    struct connection first = {0};
    buf_init(&json, 1u << 20);
    for (int i = 0; i < count; i++)
        buf_printf(&json, "%s\"C%d\": {\"type\": \"local\"}", i ? ", " : "{", i);
    buf_append_char(&json, '}');
    bool ok = read_text(buf_text(&json), &first, err);
    connection_release(&first);
    buf_release(&json);
    return ok;
}

static void limits_hold_at_n_and_n_plus_1(void)
{
    struct error err = {0};
    CHECK_OK(read_many(CONNECTIONS_MAX, &err), &err);
    CHECK_FAILS(read_many(CONNECTIONS_MAX + 1, &err), &err, ERROR_LIMIT);
    CHECK_EQ_TEXT(err.message, "connections.json: 257 connections, at most 256 are possible");
}

static struct temporary secrets;

static bool read_secret_of(const char *env, const char *file, struct buf *out, struct error *err)
{
    char name[] = "C";
    struct connection connection = {.name = name};
    struct secret secret = {(char *)(uintptr_t)env, (char *)(uintptr_t)file};
    buf_clear(out);
    return secret_read(&connection, "password", &secret, out, err);
}

static void secrets_are_fetched(void)
{
    struct buf out;
    struct error err = {0};
    secrets = temporary_make();
    buf_init(&out, SECRET_SIZE_MAX);
    temporary_write(&secrets, "unix", "s3cret\n");
    temporary_write(&secrets, "dos", "s3cret\r\n");
    temporary_write(&secrets, "two", "s3cret\n\n");
    temporary_write(&secrets, "empty", "\n");
    CHECK_OK(read_secret_of(NULL, NULL, &out, &err), &err);
    CHECK_EQ_TEXT(buf_text(&out), "");
    CHECK_OK(read_secret_of(NULL, temporary_path(&secrets, "unix"), &out, &err), &err);
    CHECK_EQ_TEXT(buf_text(&out), "s3cret");
    CHECK_OK(read_secret_of(NULL, temporary_path(&secrets, "dos"), &out, &err), &err);
    CHECK_EQ_TEXT(buf_text(&out), "s3cret");
    CHECK_OK(read_secret_of(NULL, temporary_path(&secrets, "two"), &out, &err), &err);
    CHECK_EQ_TEXT(buf_text(&out), "s3cret\n");
    CHECK_FAILS(read_secret_of(NULL, temporary_path(&secrets, "empty"), &out, &err), &err,
                ERROR_INVALID);
    CHECK_CONTAINS(err.message, "connection 'C': password: file '");
    CHECK_FAILS(read_secret_of(NULL, temporary_path(&secrets, "none"), &out, &err), &err,
                ERROR_INVALID);
    CHECK_CONTAINS(err.message, "connection 'C': password: cannot open '");
    setenv("SLUICE_TEST_SECRET", "from env", 1);
    CHECK_OK(read_secret_of("SLUICE_TEST_SECRET", NULL, &out, &err), &err);
    CHECK_EQ_TEXT(buf_text(&out), "from env");
    setenv("SLUICE_TEST_SECRET", "", 1);
    CHECK_FAILS(read_secret_of("SLUICE_TEST_SECRET", NULL, &out, &err), &err, ERROR_INVALID);
    unsetenv("SLUICE_TEST_SECRET");
    CHECK_FAILS(read_secret_of("SLUICE_TEST_SECRET", NULL, &out, &err), &err, ERROR_INVALID);
    CHECK_EQ_TEXT(err.message, "connection 'C': password: environment variable SLUICE_TEST_SECRET "
                               "is not set");
    buf_release(&out);
    temporary_remove(&secrets);
}

static void credentials_are_files_of_a_folder(void)
{
    struct temporary folder = temporary_make();
    struct connection connection = {0};
    struct error err = {0};
    struct buf out;
    buf_init(&out, SECRET_SIZE_MAX);
    temporary_write(&folder, "ftp", "first\n");
    unsetenv(CREDENTIALS_DIRECTORY);
    CHECK_OK(read_text("{\"C\": {\"type\": \"ftp\", \"host\": \"h\", \"user\": \"u\","
                       " \"password\": {\"credential\": \"ftp\"}}}", &connection, &err), &err);
    CHECK_EQ_TEXT(credential_of(connection.password.file), "ftp");
    CHECK_FAILS(secret_read(&connection, "password", &connection.password, &out, &err), &err,
                ERROR_INVALID);
    CHECK_CONTAINS(err.message, "cannot open '$CREDENTIALS_DIRECTORY/ftp'");
    connection_release(&connection);

    setenv(CREDENTIALS_DIRECTORY, folder.folder, 1);
    CHECK_OK(read_text("{\"C\": {\"type\": \"object_storage\", \"url\": \"https://h\","
                       " \"tenancy\": \"t\", \"user\": \"u\", \"fingerprint\": \"" FINGERPRINT "\","
                       " \"private_key\": {\"credential\": \"key.pem\"},"
                       " \"passphrase\": {\"credential\": \"ftp\"}}}", &connection, &err), &err);
    CHECK_EQ_TEXT(connection.private_key.file, temporary_path(&folder, "key.pem"));
    CHECK_EQ_TEXT(credential_of(connection.private_key.file), "key.pem");
    CHECK_OK(secret_read(&connection, "passphrase", &connection.passphrase, &out, &err), &err);
    CHECK_EQ_TEXT(buf_text(&out), "first");
    temporary_write(&folder, "ftp", "second\n"); /* counts at the next use */
    buf_clear(&out);
    CHECK_OK(secret_read(&connection, "passphrase", &connection.passphrase, &out, &err), &err);
    CHECK_EQ_TEXT(buf_text(&out), "second");
    CHECK(credential_of("/etc/passwd") == NULL);
    CHECK(credential_of(folder.folder) == NULL);
    CHECK(credential_of(temporary_path(&folder, "a/b")) == NULL);
    connection_release(&connection);
    unsetenv(CREDENTIALS_DIRECTORY);
    buf_release(&out);
    temporary_remove(&folder);
}

static bool read_sized_secret(size_t size, struct error *err)
{
    struct temporary temporary = temporary_make();
    struct buf text, out;
    buf_init(&text, 2 * SECRET_SIZE_MAX);
    buf_init(&out, SECRET_SIZE_MAX);
    for (size_t i = 0; i < size; i++)
        buf_append_char(&text, 'x');
    buf_append_char(&text, '\n');
    temporary_write(&temporary, "s", buf_text(&text));
    bool ok = read_secret_of(NULL, temporary_path(&temporary, "s"), &out, err);
    buf_release(&text);
    buf_release(&out);
    temporary_remove(&temporary);
    return ok;
}

static void secret_size_is_limited(void)
{
    struct error err = {0};
    CHECK_OK(read_sized_secret(SECRET_SIZE_MAX, &err), &err);
    CHECK_FAILS(read_sized_secret(SECRET_SIZE_MAX + 1, &err), &err, ERROR_INVALID);
    CHECK(strstr(err.message, "xxxx") == NULL);
}

static void retries_have_defaults_and_a_key_of_their_own(void)
{
    struct connection connection = {0};
    struct error err = {0};
    CHECK_OK(read_text(FTP_HEAD "}}", &connection, &err), &err);
    CHECK_EQ_INT(connection.retry.attempts, 6);
    CHECK_EQ_INT(connection.retry.attempts_synchronous, 3);
    CHECK_EQ_INT(connection.retry.pause_ms, 1000);
    CHECK_EQ_INT(connection.retry.pause_ms_max, 60000);
    CHECK_EQ_INT(connection.retry.circuit_failures, 10);
    CHECK_EQ_INT(connection.retry.circuit_open_ms, 30000);
    connection_release(&connection);
    CHECK_OK(read_text(FTP_HEAD ", \"retry\": {\"attempts\": 100, \"attempts_synchronous\": 10,"
                                " \"pause_s\": 0.25, \"pause_max_s\": 0.25,"
                                " \"circuit_failures\": 0, \"circuit_open_s\": 3600}}}",
                       &connection, &err),
             &err);
    CHECK_EQ_INT(connection.retry.attempts, 100);
    CHECK_EQ_INT(connection.retry.attempts_synchronous, 10);
    CHECK_EQ_INT(connection.retry.pause_ms, 250);
    CHECK_EQ_INT(connection.retry.pause_ms_max, 250);
    CHECK_EQ_INT(connection.retry.circuit_failures, 0);
    CHECK_EQ_INT(connection.retry.circuit_open_ms, 3600000);
    connection_release(&connection);
    CHECK_OK(read_text("{\"C\": {\"type\": \"smtp\", \"host\": \"h\"}}", &connection, &err), &err);
    CHECK_EQ_INT(connection.retry.attempts, 0);
    CHECK_EQ_INT(connection.retry.circuit_failures, 0);
    connection_release(&connection);
}

static void check_place(const char *json, const char *place)
{
    struct connection connection = {0};
    struct error err = {0};
    struct buf text;
    buf_init(&text, CONNECTION_PLACE_SIZE_MAX);
    CHECK_OK(read_text(json, &connection, &err), &err);
    connection_place(&connection, &text);
    CHECK(!text.failed);
    CHECK_EQ_TEXT(buf_text(&text), place);
    CHECK(connection_is_at(&connection, place));
    CHECK(!connection_is_at(&connection, "ftp://u@elsewhere:21"));
    buf_release(&text);
    connection_release(&connection);
}

static void a_place_is_what_decides_where_it_is(void)
{
    const char storage[] = OS_HEAD ", \"url\": \"%s\", \"fingerprint\": \"" FINGERPRINT "\"}}";
    char json[512];
    check_place(FTP_HEAD "}}", "ftp://u@h:21");
    check_place(FTP_HEAD ", \"settle_ms\": 5, \"stall_timeout_s\": 9, \"retry\": {\"attempts\": 2}}}",
                "ftp://u@h:21");
    check_place("{\"C\": {\"type\": \"sftp\", \"host\": \"Files.UTILITY.test\", \"port\": 2022, \"user\":"
                " \"Ann\", \"password\": {\"env\": \"P\"}, \"known_hosts\": \"k\"}}",
                "sftp://Ann@files.utility.test:2022");
    snprintf(json, sizeof json, storage, "HTTPS://Storage.TEST/Path/");
    check_place(json, "https://storage.test/Path");
    snprintf(json, sizeof json, storage, "https://storage.test");
    check_place(json, "https://storage.test");
}

static void the_longest_place_is_told_whole(void)
{
    struct buf json, place;
    buf_init(&json, 1u << 14);
    buf_init(&place, 1u << 14);
    buf_append_text(&json, "{\"C\": {\"type\": \"ftp\", \"host\": \"");
    buf_append_text(&place, "ftp://");
    for (int i = 0; i < 4096; i++)
        buf_append_char(&place, 'u');
    buf_append_char(&place, '@');
    for (int i = 0; i < 253; i++) {
        buf_append_char(&json, i % 60 == 59 ? '.' : 'h');
        buf_append_char(&place, i % 60 == 59 ? '.' : 'h');
    }
    buf_append_text(&place, ":65535");
    buf_append_text(&json, "\", \"port\": 65535, \"password\": {\"env\": \"P\"}, \"user\": \"");
    for (int i = 0; i < 4096; i++)
        buf_append_char(&json, 'u');
    buf_append_text(&json, "\"}}");
    check_place(buf_text(&json), buf_text(&place));
    buf_release(&json);
    buf_release(&place);
}

CHECK_MAIN(TEST(a_place_is_what_decides_where_it_is), TEST(the_longest_place_is_told_whole),
           TEST(retries_have_defaults_and_a_key_of_their_own),
           TEST(complaints_say_where_and_what), TEST(ftp_has_safe_defaults),
           TEST(other_types_are_read), TEST(limits_hold_at_n_and_n_plus_1),
           TEST(secrets_are_fetched), TEST(credentials_are_files_of_a_folder),
           TEST(secret_size_is_limited))
