/* SPDX-License-Identifier: MIT */
/* CloudEvents in both modes, and what an event asks for. */
#include <stdlib.h>

#include "check.h"
#include "server/cloud_event.h"
#include "server/invocation.h"

/* A table of header fields, ended by NULL. */
static const char *field_of(void *context, const char *name)
{
    for (const char *const *at = context; at && *at; at += 2)
        if (strcmp(at[0], name) == 0)
            return at[1];
    return NULL;
}

static bool read_event(struct cloud_event *event, const char *type, const char *const *fields,
                       const char *body, struct error *err)
{
    return cloud_event_read(event, type, field_of, (void *)(uintptr_t)fields, body, strlen(body),
                            err);
}

static void binary_events_are_read(void)
{
    static const char *const fields[] = {"ce-specversion", "1.0", "ce-id", "a%20b%25", "ce-source",
                                         "\"/x \\\"y\\\"\"", "ce-type", "t", "ce-subject", "Euro %e2%82%AC",
                                         "ce-time", "2026-11-24T02:37:00Z", "ce-other", "%", NULL};
    struct cloud_event event;
    struct error err = {0};
    CHECK_OK(read_event(&event, "text/plain", fields, "data", &err), &err);
    CHECK_EQ_TEXT(event.id, "a b%");
    CHECK_EQ_TEXT(event.source, "/x \"y\"");
    CHECK_EQ_TEXT(event.subject, "Euro \xe2\x82\xac");
    CHECK_EQ_TEXT(event.data_content_type, "text/plain");
    CHECK_EQ_INT(event.data_size, 4);
    cloud_event_release(&event);
}

static void binary_mistakes_are_named(void)
{
    static const struct {
        const char *fields[10];
        const char *message;
    } cases[] = {
        {{"ce-id", "1"}, "attribute 'specversion' is missing; expected 1.0"},
        {{"ce-specversion", "0.3"}, "attribute 'specversion' is '0.3'; expected 1.0"},
        {{"ce-specversion", "1.0", "ce-id", "1", "ce-type", "t"}, "attribute 'source' is missing"},
        {{"ce-specversion", "1.0", "ce-id", ""}, "attribute 'id' must have 1 to 2048 bytes"},
        {{"ce-specversion", "1.0", "ce-id", "%C0%A0"},
         "header 'ce-id' cannot be decoded, or is over 2048 bytes"},
        {{"ce-specversion", "1.0", "ce-id", "\"open"},
         "header 'ce-id' cannot be decoded, or is over 2048 bytes"},
        {{"ce-specversion", "1.0", "ce-id", "%0A"},
         "header 'ce-id' cannot be decoded, or is over 2048 bytes"},
        {{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "/", "ce-type", "t", "ce-time", "now"},
         "attribute 'time' must be a time of RFC 3339 such as 2026-11-24T02:37:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *fields[11] = {0};
        struct cloud_event event;
        struct error err = {0};
        memcpy(fields, cases[i].fields, sizeof cases[i].fields);
        CHECK_FAILS(read_event(&event, NULL, fields, "", &err), &err, ERROR_INVALID);
        CHECK_EQ_TEXT(err.message, cases[i].message);
        cloud_event_release(&event);
    }
}

#define HEAD "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""

static void structured_events_are_read(void)
{
    static const struct {
        const char *body, *data; /* NULL: refused */
    } cases[] = {
        {HEAD "}", ""},
        {HEAD ",\"data\": {\"n\": 12345678901234567890 } }", "{\"n\": 12345678901234567890 }"},
        {HEAD ",\"data\":\"text\"}", "\"text\""},
        {HEAD ",\"datacontenttype\":\"text/plain\",\"data\":\"te\\\"xt\"}", "te\"xt"},
        {HEAD ",\"datacontenttype\":\"a/b+json; x=y\",\"data\":\"text\"}", "\"text\""},
        {HEAD ",\"data_base64\":\"Zm9v\",\"subject\":null}", "foo"},
        {HEAD ",\"data_base64\":\"Zm9\"}", NULL},
        {HEAD ",\"data_base64\":1}", NULL},
        {HEAD ",\"data_base64\":\"Zm9v\",\"data\":1}", NULL},
        {HEAD ",\"d\\u0061ta\":1}", NULL},
        {"{\"specversion\":1.0,\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}", NULL},
        {"{\"specversion\":\"1.0\",\"id\":1,\"source\":\"/s\",\"type\":\"t\"}", NULL},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\"}", NULL},
        {"[]", NULL},
        {"{", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cloud_event event;
        struct error err = {0};
        bool ok = read_event(&event, CLOUD_EVENT_STRUCTURED, NULL, cases[i].body, &err);
        if (ok != (cases[i].data != NULL))
            fprintf(stderr, "%s: %s\n", cases[i].body, err.message);
        CHECK_EQ_INT(ok, cases[i].data != NULL);
        char data[64] = "";
        if (ok && event.data_size > 0)
            snprintf(data, sizeof data, "%.*s", (int)event.data_size, (const char *)event.data);
        CHECK_EQ_TEXT(data, ok ? cases[i].data : "");
        cloud_event_release(&event);
    }
}

static void other_formats_are_refused(void)
{
    static const char *const types[] = {"application/cloudevents-batch+json", "application/cloudevents",
                                        "application/cloudevents+xml", "APPLICATION/CLOUDEVENTS+jsonx"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct cloud_event event;
        struct error err = {0};
        CHECK_FAILS(read_event(&event, types[i], NULL, HEAD "}", &err), &err, ERROR_UNSUPPORTED);
        cloud_event_release(&event);
    }
    struct cloud_event event;
    struct error err = {0};
    CHECK_OK(read_event(&event, "Application/CloudEvents+JSON;charset=utf-8", NULL, HEAD "}", &err),
             &err);
    cloud_event_release(&event);
}

static void attributes_hold_at_n_and_n_plus_1(void)
{
    char value[CLOUD_EVENT_ATTRIBUTE_SIZE_MAX + 2];
    const char *fields[] = {"ce-specversion", "1.0", "ce-id", value, "ce-source", "/", "ce-type", "t",
                            NULL};
    struct cloud_event event;
    struct error err = {0};
    memset(value, 'x', sizeof value);
    value[CLOUD_EVENT_ATTRIBUTE_SIZE_MAX] = '\0';
    CHECK_OK(read_event(&event, NULL, fields, "", &err), &err);
    cloud_event_release(&event);
    value[CLOUD_EVENT_ATTRIBUTE_SIZE_MAX] = 'x';
    value[CLOUD_EVENT_ATTRIBUTE_SIZE_MAX + 1] = '\0';
    CHECK_FAILS(read_event(&event, NULL, fields, "", &err), &err, ERROR_INVALID);
    cloud_event_release(&event);
}

static void values_for_header_fields(void)
{
    struct buf out;
    buf_init(&out, 256);
    cloud_event_append_value(&out, "a b\"%\n\xe2\x82\xac~!");
    CHECK_EQ_TEXT(buf_text(&out), "a%20b%22%25%0A%E2%82%AC~!");
    buf_release(&out);
}

/* ---- invocations ---- */

static void events_are_unwrapped(void)
{
    static const struct {
        const char *type, *body, *flow, *data;
    } cases[] = {
        {NULL, "", "", ""},
        {NULL, "not json", "", "not json"},
        {NULL, "{}", "", "{}"},
        {NULL, "{\"externalReferenceId\":\"1\"}", "", "{\"externalReferenceId\":\"1\"}"},
        {NULL, "{\"flow\":\"F\"}", "F", ""},
        {NULL, "{\"flow\":\"F\",\"parameters\":{\"p\":\"v\"}}", "F", "{\"p\":\"v\"}"},
        {NULL, "{\"message\": {\"n\":10000000000000001} }", "", "{\"n\":10000000000000001}"},
        {NULL, "{\"message\":1,\"other\":2}", "", "{\"message\":1,\"other\":2}"},
        {NULL, "{\"detail-type\":\"Scheduled Event\",\"source\":\"aws.events\",\"detail\":{}}", "",
         "{}"},
        {NULL, "{\"detail-type\":\"X\",\"source\":\"s\",\"detail\":{\"flow\":\"F\"}}", "F", ""},
        {NULL, "{\"detail-type\":\"X\",\"detail\":{}}", "",
         "{\"detail-type\":\"X\",\"detail\":{}}"},
        {CLOUD_EVENT_STRUCTURED, HEAD ",\"data\":{\"flow\":\"F\",\"message\":[1]}}", "F", "[1]"},
        {CLOUD_EVENT_STRUCTURED, HEAD "}", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct invocation got;
        struct error err = {0};
        char data[128] = "";
        CHECK_OK(invocation_read(&got, cases[i].type, NULL, NULL, cases[i].body,
                                 strlen(cases[i].body), &err), &err);
        if (got.data_size > 0)
            snprintf(data, sizeof data, "%.*s", (int)got.data_size, (const char *)got.data);
        CHECK_EQ_TEXT(got.flow, cases[i].flow);
        CHECK_EQ_TEXT(data, cases[i].data);
        invocation_release(&got);
    }
}

static bool read_input(const char *trigger, const char *data, struct flow_input *input,
                       struct error *err)
{
    char type[16];
    snprintf(type, sizeof type, "%s", trigger);
    const struct manifest manifest = {.identifier = type, .trigger_type = type};
    return flow_input_read(input, &manifest, data, strlen(data), err);
}

static void flows_get_their_kind_of_input(void)
{
    struct flow_input input;
    struct error err = {0};
    CHECK_OK(read_input("rest", "{\"a\":1}", &input, &err), &err);
    CHECK_EQ_INT(input.body_size, 7);
    flow_input_release(&input);
    static const char *const nothing[] = {"", " \n", "null", "{}"};
    for (size_t i = 0; i < 4; i++) {
        CHECK_OK(read_input("schedule", nothing[i], &input, &err), &err);
        CHECK_EQ_INT(input.parameter_count, 0);
        flow_input_release(&input);
    }
    CHECK_OK(read_input("schedule", "{\"p\":\"v\",\"q\":\"w\"}", &input, &err), &err);
    CHECK_EQ_INT(input.parameter_count, 2);
    CHECK_EQ_TEXT(input.parameters[1].name, "q");
    CHECK_EQ_TEXT(input.parameters[1].value, "w");
    CHECK(input.body == NULL);
    flow_input_release(&input);
    static const char *const wrong[] = {"{\"p\":1}", "[]", "\"p\"", "{", "p=v"};
    for (size_t i = 0; i < 5; i++) {
        CHECK_FAILS(read_input("schedule", wrong[i], &input, &err), &err, ERROR_INVALID);
        flow_input_release(&input);
    }
}

static bool read_parameters(unsigned count, struct error *err)
{
    struct buf text;
    struct flow_input input;
    buf_init(&text, 4096);
    for (unsigned i = 0; i < count; i++)
        buf_printf(&text, "%s\"p%u\":\"\"", i ? "," : "{", i);
    buf_append_char(&text, '}');
    bool ok = read_input("schedule", buf_text(&text), &input, err);
    flow_input_release(&input);
    buf_release(&text);
    return ok;
}

static void parameters_hold_at_n_and_n_plus_1(void)
{
    struct error err = {0};
    CHECK_OK(read_parameters(INVOCATION_PARAMETERS_MAX, &err), &err);
    CHECK_FAILS(read_parameters(INVOCATION_PARAMETERS_MAX + 1, &err), &err, ERROR_LIMIT);
}

CHECK_MAIN(TEST(binary_events_are_read), TEST(binary_mistakes_are_named),
           TEST(structured_events_are_read), TEST(other_formats_are_refused),
           TEST(attributes_hold_at_n_and_n_plus_1), TEST(values_for_header_fields),
           TEST(events_are_unwrapped), TEST(flows_get_their_kind_of_input),
           TEST(parameters_hold_at_n_and_n_plus_1))
