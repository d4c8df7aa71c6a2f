/* SPDX-License-Identifier: MIT */
/*
 * A content filter in C, and the record filter of the benchmark: masks the digits of one column of
 * tab-separated lines and drops lines that begin with '#'. The same source is compiled natively there.
 */
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define COLUMN 6 /* the telephone number of a contact, from 0 */
#define BLOCK_SIZE 65536

static char in[BLOCK_SIZE], out[BLOCK_SIZE];

static bool write_all(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(1, bytes, size);
        if (written <= 0)
            return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

int main(void)
{
    unsigned column = 0, dropped = 0;
    bool is_start = true, is_dropped = false;
    ssize_t got;
    while ((got = read(0, in, sizeof in)) > 0) {
        size_t kept = 0;
        for (ssize_t i = 0; i < got; i++) {
            char byte = in[i];
            if (is_start) {
                is_dropped = byte == '#';
                dropped += is_dropped;
            }
            is_start = byte == '\n';
            column = is_start ? 0 : column + (byte == '\t');
            out[kept] = column == COLUMN && byte >= '0' && byte <= '9' ? '*' : byte;
            kept += !is_dropped;
        }
        if (!write_all(out, kept))
            return 2;
    }
    if (dropped)
        fprintf(stderr, "%u lines dropped\n", dropped);
    return got < 0 ? 1 : 0;
}
