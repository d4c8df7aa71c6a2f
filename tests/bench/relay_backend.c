/* SPDX-License-Identifier: MIT */
/*
 * CCS as the relay benchmark and the soak test need it: answers every request with 200 and "{}" as soon
 * as its body is there. One thread, so that it takes little of what the relays are to share. Prints its
 * port; ends when standard input does.
 * Usage: relay_backend [FILE]; FILE gets the last part of each request's path, a line each.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char answer[] = "{}";

struct backend {
    struct MHD_Response *response;
    FILE *record; /* or NULL */
};

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    (void)method, (void)version, (void)data;
    struct backend *backend = context;
    if (!*state) {
        *state = backend; /* the first call tells of the header alone */
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    if (backend->record)
        fprintf(backend->record, "%s\n", strrchr(path, '/') + 1);
    return MHD_queue_response(connection, MHD_HTTP_OK, backend->response);
}

int main(int count, char **arguments)
{
    struct backend backend = {
        .response = MHD_create_response_from_buffer(sizeof answer - 1, (void *)answer,
                                                    MHD_RESPMEM_PERSISTENT),
        .record = count > 1 ? fopen(arguments[1], "w") : NULL,
    };
    if (count > 1 && !backend.record) {
        perror(arguments[1]);
        return 1;
    }
    MHD_add_response_header(backend.response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, &backend,
                         MHD_OPTION_CONNECTION_LIMIT, 4096u, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "the backend did not start\n");
        return 1;
    }
    printf("%u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    MHD_stop_daemon(daemon);
    MHD_destroy_response(backend.response);
    return backend.record && fclose(backend.record) != 0;
}
