/* SPDX-License-Identifier: MIT */
/* CCS's REST endpoint, which takes acknowledgements; see server_http.h. */
#include <string.h>

#include "server_http.h"

static struct ack_seen *find_ack(const char *id)
{
    for (unsigned i = 0; i < world->ack_count; i++)
        if (strcmp(world->acks[i].id, id) == 0)
            return &world->acks[i];
    return NULL;
}

void ccs_serve(const struct request *request, struct answer *answer)
{
    const char *slash = strrchr(request->path, '/');
    struct ack_seen *ack = slash ? find_ack(slash + 1) : NULL;
    check_that(strcmp(request->method, "PATCH") == 0, "CCS got a %s", request->method);
    check_that(ack && strstr(buf_text(&request->body), ack->id), "CCS got an acknowledgement that DACS "
                                                                 "never sent: %s", request->path);
    if (ack) {
        ack->taken++;
        check_that(ack->taken <= ack->allowed, "CCS gets %s again, which DACS does not wait for", ack->id);
    }
    answer->status = 200;
    buf_append_text(&answer->body, "{}");
}
