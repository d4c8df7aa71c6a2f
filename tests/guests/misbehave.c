/* SPDX-License-Identifier: MIT */
/*
 * A flow that does what its message says, most of it bad: the first byte of the input chooses. Run as a
 * real flow, with a manifest, so that the tests see how each fault is told in the instance.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define IMPORT(module, name)                                                                       \
    __attribute__((import_module("sluice_" #module), import_name(#name))) extern int32_t           \
        module##_##name

IMPORT(flow, input)(void *data, uint32_t capacity);
IMPORT(flow, respond)(int32_t status, const char *type, uint32_t type_size, const void *body,
                      uint32_t size);
IMPORT(flow, attachment)(void);
IMPORT(flow, call)(const char *connection, uint32_t connection_size, const char *flow,
                   uint32_t flow_size, const void *body, uint32_t body_size, int32_t file);
IMPORT(ftp, open)(const char *connection, uint32_t connection_size, const char *directory,
                  uint32_t directory_size, const char *name, uint32_t name_size);
IMPORT(ftp, list)(const char *connection, uint32_t connection_size, const char *directory,
                  uint32_t directory_size, const char *prefix, uint32_t prefix_size);
struct range {
    const char *address;
    uint32_t size;
};
__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write"))) extern int32_t
    wasi_fd_write(int32_t fd, const struct range *iovecs, uint32_t count, uint32_t *written);
IMPORT(http, status)(int32_t response);
IMPORT(file, close)(int32_t handle);

#define TEXT(literal) literal, sizeof literal - 1
#define CHILDREN TEXT("OU REST OIC for CCS-DACS")
#define SOURCE TEXT("OU FTP CCS for CCS-DACS")

static char message[4096];
static uint32_t message_size;
static volatile int sink;

static void respond_number(int32_t number)
{
    char text[16];
    int size = snprintf(text, sizeof text, "%d", (int)number);
    flow_respond(200, TEXT("text/plain"), text, (uint32_t)size);
}

__attribute__((noinline)) static int recurse(int depth)
{
    if (sink == 12345)
        return depth;
    sink = recurse(depth + 1); /* volatile: not to be turned into a loop */
    return sink + 1;
}

__attribute__((noinline)) static int recurse_with_locals(int depth)
{
    volatile char locals[512];
    locals[depth & 511] = (char)depth;
    if (sink == 12345)
        return locals[0];
    return recurse_with_locals(depth + 1) + locals[0];
}

static void grow_past_the_cap(void)
{
    int32_t grown = 0;
    while (__builtin_wasm_memory_grow(0, 1) != (__SIZE_TYPE__)-1)
        grown++;
    respond_number(grown);
}

/* The parent holds an open file of a server, if there is one, while its child runs, and traps or not. */
static void call_child_with_open_file(void)
{
    int32_t file = ftp_open(SOURCE, TEXT("/sploutput/CCSEnv/CustomerSync"), TEXT("C1-HELD.csv"));
    int32_t response = flow_call(CHILDREN, TEXT("MISBEHAVE"), message + 1, message_size - 1,
                                 file > 0 ? file : 0);
    int32_t status = response > 0 ? http_status(response) : response;
    int32_t closed = file > 0 ? file_close(file) : -1000;
    respond_number(closed == 0 ? status : closed);
}

/* The child's message has as many bytes as the digits behind the letter say. */
static void call_child_with_bytes(void)
{
    static char bytes[8192];
    uint32_t size = 0;
    for (uint32_t i = 1; i < message_size && size < sizeof bytes; i++)
        size = size * 10 + (uint32_t)(message[i] - '0');
    size = size <= sizeof bytes ? size : sizeof bytes;
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = 'w';
    int32_t response = flow_call(CHILDREN, TEXT("MISBEHAVE"), bytes, size, 0);
    respond_number(response > 0 ? http_status(response) : response);
}

static void write_without_end(void)
{
    static char lines[1 << 17];
    static struct range iovecs[1024];
    uint32_t written = 0;
    for (size_t i = 0; i < sizeof lines; i++)
        lines[i] = '\n';
    for (size_t i = 0; i < 1024; i++)
        iovecs[i] = (struct range){lines, sizeof lines};
    wasi_fd_write(1, iovecs, 1024, &written);
    respond_number((int32_t)written);
}

static void act(char what)
{
    typedef int (*function)(int);
    volatile uintptr_t address = 0x40000000;
    switch (what) {
    case 'L': /* endless loop */
        for (;;)
            sink++;
    case 'R': /* endless recursion on the native stack */
        sink = recurse(0);
        break;
    case 'S': /* endless recursion on the shadow stack */
        sink = recurse_with_locals(0);
        break;
    case 'G':
        grow_past_the_cap();
        break;
    case 'O': /* load */
        sink = *(volatile int *)address;
        break;
    case 'W': /* store */
        *(volatile int *)address = 1;
        break;
    case 'T': /* table call */
        sink = ((function)(uintptr_t)0x1234567)(1);
        break;
    case 'U':
        __builtin_trap();
    case 'D':
        sink = 12345 / (sink - sink);
        break;
    case 'X': /* proc_exit in the middle */
        flow_respond(200, TEXT("text/plain"), TEXT("half"));
        exit(7);
    case 'F': /* log flood */
        for (int i = 0; i < 20000; i++)
            puts("flood flood flood flood flood flood flood flood");
        respond_number(20000);
        break;
    case 'V': /* one write of 128 MiB of lines, each iovec the same ones */
        write_without_end();
        break;
    case 'E': /* a line of two-byte characters that is cut in the middle of one */
        putchar('x');
        for (int i = 0; i < 4096; i++)
            fputs("\xC3\xA9", stdout);
        putchar('\n');
        flow_respond(200, TEXT("text/plain"), TEXT("well"));
        break;
    case 'I': /* import flood */
        for (;;)
            sink = flow_attachment();
    case 'B': /* a range outside the memory */
        flow_respond(200, TEXT("text/plain"), (void *)0xFFFFFFF0u, 0x20);
        break;
    case 'N': /* an operation that the manifest does not grant */
        respond_number(ftp_list(SOURCE, TEXT("/"), TEXT("")));
        break;
    case 'C':
        call_child_with_open_file();
        break;
    case 'M':
        call_child_with_bytes();
        break;
    default:
        flow_respond(200, TEXT("text/plain"), TEXT("well"));
    }
}

int main(void)
{
    int32_t size = flow_input(message, sizeof message);
    message_size = (uint32_t)size;
    act(message[0]);
    return 0;
}
