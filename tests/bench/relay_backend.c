/* SPDX-License-Identifier: MIT */
/*
 * The backend of the relay benchmark: answers every request with 200 and "{}" as soon as its body is
 * there, and counts. One thread, so that it takes little of what the relays are to share. Prints its
 * port; ends when standard input does and prints how many requests it answered.
 */
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char answer[] = "{}";
static atomic_ullong answered;

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    (void)path, (void)method, (void)version, (void)data;
    if (!*state) {
        *state = context; /* the first call tells of the header alone */
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    atomic_fetch_add_explicit(&answered, 1, memory_order_relaxed);
    return MHD_queue_response(connection, MHD_HTTP_OK, context);
}

int main(void)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(sizeof answer - 1, (void *)answer,
                                                                    MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, response,
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
    MHD_destroy_response(response);
    printf("%llu\n", atomic_load(&answered));
    return 0;
}
