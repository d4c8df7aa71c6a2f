/* SPDX-License-Identifier: MIT */
/*
 * Flows as files. OIC's archive is a zip of its own designer's; ours is the module, a .wasm file that
 * carries its manifest. It is verified and compiled before it is taken, and not active after that.
 */
#include <stdio.h>
#include <string.h>

#include "engine/verifier.h"
#include "server/api_call.h"
#include "server/http_form.h"

#define MODULE_SIZE_MAX VERIFIER_MODULE_SIZE_MAX
#define FORM_EXTRA_SIZE (16u << 10)

static void export_integration(struct api_call *call)
{
    size_t flow;
    struct error err = {0};
    struct http_answer *answer = &call->exchange->answer;
    char disposition[API_FLOW_ID_SIZE + 64];
    if (!api_find_flow(call, &flow))
        return;
    const struct manifest *manifest = service_manifest(call->service, flow);
    if (!service_read_module(call->service, flow, &answer->body, &err)) {
        buf_clear(&answer->body);
        api_fail(call, &err);
        return;
    }
    snprintf(disposition, sizeof disposition, "attachment; filename=\"%.100s_%.64s.wasm\"",
             manifest->identifier, manifest->version);
    answer->status = 200;
    snprintf(answer->content_type, sizeof answer->content_type, "application/octet-stream");
    http_answer_field(answer, "Content-Disposition", disposition);
}

static bool is_module(struct api_call *call, const struct buf *bytes)
{
    static const char zip[] = "PK\x03\x04", wasm[] = "\0asm";
    if (bytes->size >= 4 && memcmp(bytes->data, wasm, 4) == 0)
        return true;
    if (bytes->size >= 4 && memcmp(bytes->data, zip, 4) == 0)
        return api_fault(call, 400, "unsupported", "this is an archive of Oracle Integration (a zip "
                         "file); Sluice takes the flow's module: send its .wasm file in its place");
    return api_fault(call, 400, "invalid", "the file is no WebAssembly module: send the flow's .wasm");
}

static void locate(struct api_call *call, size_t flow)
{
    const struct manifest *manifest = service_manifest(call->service, flow);
    char id[API_FLOW_ID_SIZE];
    struct buf location;
    buf_init(&location, 4096);
    buf_append_text(&location, API_BASE "/integrations/");
    buf_append_percent(&location, api_flow_id(manifest->identifier, manifest->version, id));
    http_answer_field(&call->exchange->answer, "Location", buf_text(&location));
    snprintf(call->note, sizeof call->note, "%s, module %s", id,
             service_digest(call->service, flow));
    buf_release(&location);
}

static void import(struct api_call *call, enum module_put how, int status)
{
    struct http_form_file file;
    struct error err = {0};
    size_t flow;
    const struct actor actor = api_actor(call);
    buf_init(&file.bytes, MODULE_SIZE_MAX);
    if (api_form_file(call, &file) && is_module(call, &file.bytes)) {
        if (service_put_module(call->service, &file.bytes, how, &actor, &flow, &err)) {
            locate(call, flow);
            api_answer_nothing(call, status);
        } else {
            api_fail(call, &err);
        }
    }
    buf_release(&file.bytes);
}

static void add_integration(struct api_call *call)
{
    import(call, MODULE_ADD, 204);
}

static void replace_integration(struct api_call *call)
{
    import(call, MODULE_REPLACE, 200);
}

#define REFUSED                                                                                    \
    {412, "the version is active, a newer one is there, or the functions folder is not the "       \
          "workspace's own", NULL, NULL}

static const struct api_operation operations[] = {
    {.method = "GET", .path = "/integrations/{id}/archive", .id = "exportIntegration",
     .role = API_READ, .about = "The module of a flow: its .wasm file.",
     .results = {{200, "the module", NULL, "application/octet-stream"},
                 {404, "no flow has that code and version", NULL, NULL},
                 {412, "the file was replaced since the server read it", NULL, NULL}},
     .run = export_integration},
    {.method = "POST", .path = "/integrations/archive", .id = "importIntegration",
     .role = API_CHANGE,
     .about = "Takes in the .wasm module of a new flow or of a newer version. It is verified, compiled, "
              "kept in the workspace's own functions folder, and not active before it is activated.",
     .file = "file", .body_max = MODULE_SIZE_MAX + FORM_EXTRA_SIZE,
     .results = {{204, "taken in; Location leads to it", NULL, NULL},
                 {409, "that version is there: replace it with PUT", NULL, NULL}, REFUSED},
     .run = add_integration},
    {.method = "PUT", .path = "/integrations/archive", .id = "replaceIntegration",
     .role = API_CHANGE,
     .about = "Replaces the .wasm module of a version that is not active. The bytes that are there "
              "already are taken without a change.",
     .file = "file", .body_max = MODULE_SIZE_MAX + FORM_EXTRA_SIZE,
     .results = {{200, "replaced; Location leads to it", NULL, NULL},
                 {404, "that version is not there: add it with POST", NULL, NULL}, REFUSED},
     .run = replace_integration},
};

const struct api_area api_archives = {"Archives", "Flows as files.", operations,
                                      API_COUNT(operations)};
