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

static char block[BLOCK_SIZE];

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
    while ((got = read(0, block, sizeof block)) > 0) {
        size_t size = (size_t)got, kept = 0; /* from kept on nothing was written yet */
        for (size_t i = 0; i < size; i++) {
            char byte = block[i];
            if (is_start && byte == '#') {
                is_dropped = true;
                dropped++;
                if (!write_all(block + kept, i - kept))
                    return 2;
            }
            is_start = byte == '\n';
            if (is_start && is_dropped) {
                is_dropped = false;
                kept = i + 1;
            }
            if (is_start)
                column = 0;
            else if (byte == '\t')
                column++;
            else if (column == COLUMN && byte >= '0' && byte <= '9')
                block[i] = '*';
        }
        if (!is_dropped && !write_all(block + kept, size - kept))
            return 2;
    }
    if (dropped)
        fprintf(stderr, "%u lines dropped\n", dropped);
    return got < 0 ? 1 : 0;
}
