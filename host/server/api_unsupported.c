/* SPDX-License-Identifier: MIT */
/* What OIC's developer API has and Sluice has not: each says what to do instead. */
#include "server/api_call.h"

static void refuse(struct api_call *call)
{
    api_fault(call, 501, "unsupported", "%s", call->operation->about);
}

#define UNSUPPORTED(verb, address, name, text)                                                     \
    {                                                                                              \
        .method = verb, .path = address, .id = name, .role = API_READ, .about = text,             \
        .results = {{501, "as the description says", NULL, NULL}}, .run = refuse                   \
    }

#define PACKAGES "There are no packages here: import flows one by one with /integrations/archive."
#define LIBRARIES "There are no libraries here: code of a tenant belongs into a flow of its own."
#define CERTIFICATES                                                                               \
    "Certificates are files here: put PEM into the folder certificates/ of the workspace and name it " \
    "with \"ca\" in connections.json, or upload a key with /connections/{id}/attachments."
#define AGENTS "No agent is needed here: Sluice runs where the servers can be reached."

static const struct api_operation operations[] = {
    UNSUPPORTED("GET", "/packages", "listPackages", PACKAGES),
    UNSUPPORTED("POST", "/packages/archive", "importPackage", PACKAGES),
    UNSUPPORTED("PUT", "/packages/archive", "replacePackage", PACKAGES),
    UNSUPPORTED("GET", "/packages/{name}", "getPackage", PACKAGES),
    UNSUPPORTED("GET", "/packages/{name}/archive", "exportPackage", PACKAGES),
    UNSUPPORTED("GET", "/libraries", "listLibraries", LIBRARIES),
    UNSUPPORTED("POST", "/libraries/archive", "importLibrary", LIBRARIES),
    UNSUPPORTED("PUT", "/libraries/archive", "replaceLibrary", LIBRARIES),
    UNSUPPORTED("GET", "/certificates", "listCertificates", CERTIFICATES),
    UNSUPPORTED("POST", "/certificates", "addCertificate", CERTIFICATES),
    UNSUPPORTED("GET", "/agentgroups", "listAgentGroups", AGENTS),
    UNSUPPORTED("GET", "/monitoring/agentgroups", "monitorAgentGroups", AGENTS),
    UNSUPPORTED("POST", "/connections", "addConnection",
                "Connections are added in connections.json: the name, type and policy of each one are "
                "the workspace's own. POST to /connections/{id} changes one that is there."),
    UNSUPPORTED("DELETE", "/connections/{id}", "deleteConnection",
                "A connection is deleted from connections.json, or set \"disabled\": true there."),
    UNSUPPORTED("POST", "/integrations/{id}/clone", "cloneIntegration",
                "A flow is not cloned here: copy its folder in functions/ under another identifier."),
    UNSUPPORTED("DELETE", "/integrations/{id}", "deleteIntegration",
                "A flow is deleted by deleting its .wasm from the functions folder while the server is "
                "stopped; deactivate it if it is only to rest."),
};

const struct api_area api_unsupported = {
    "Unsupported", "Operations of Oracle Integration that have no meaning here.", operations,
    API_COUNT(operations)};
