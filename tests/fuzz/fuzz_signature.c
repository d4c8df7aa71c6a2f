/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a signed module with bytes changed, and any bytes as a module, a signature's line, a public
 * and a private key. The first byte chooses. What verifies has the signed bytes as they were; a module in
 * which one bit differs never does; a key that is taken makes signatures that fit.
 */
#include <bearssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/section.h"
#include "engine/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EDITS, MODULE, LINE, PUBLIC_KEY, PRIVATE_KEY, KINDS };

#define FILE_SIZE_MAX 8192u

static struct signing_key key;
static struct trusted_keys trusted;
static struct buf module;
static size_t signed_size;
static int file = -1;
static char path[32];

/* ---- what is there before ---------------------------------------------------------------------- */

/* The file at path holds these bytes. */
static void write_file(const void *bytes, size_t size)
{
    size = size < FILE_SIZE_MAX ? size : FILE_SIZE_MAX;
    if (ftruncate(file, 0) != 0 || pwrite(file, bytes, size, 0) != (ssize_t)size)
        abort();
}

/* An EC PRIVATE KEY (RFC 5915) of P-256; no secret, it is here for all to read. */
static void write_key(void)
{
    unsigned char der[51] = {0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20};
    static const unsigned char curve[] = {0xA0, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48,
                                          0xCE, 0x3D, 0x03, 0x01, 0x07};
    char pem[512];
    for (unsigned char i = 0; i < 32; i++)
        der[7 + i] = (unsigned char)(i + 1);
    memcpy(der + 39, curve, sizeof curve);
    write_file(pem, br_pem_encode(pem, der, sizeof der, "EC PRIVATE KEY", 0));
}

static void begin(void)
{
    struct error err = {0};
    struct buf line;
    file = memfd_create("key", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (file < 0 || fchmod(file, 0600) != 0)
        abort();
    write_key();
    if (!signing_key_read(&key, path, &err)) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    trusted.keys[trusted.count++] = key.public_key;
    buf_init(&module, 1u << 16);
    buf_init(&line, SIGNATURE_LINE_MAX);
    buf_append(&module, "\0asm\1\0\0\0", 8);
    section_append(&module, "sluice.manifest", "{\"point\":\"payload\",\"name\":\"a filter\"}", 38);
    signed_size = module.size;
    if (!signature_make(&key, module.data, module.size, &line, &err))
        abort();
    section_append(&module, SIGNATURE_SECTION, line.data, line.size);
    buf_release(&line);
}

static bool verifies(const void *bytes, size_t size, size_t *found)
{
    const struct trusted_key *signer = NULL;
    const char *line;
    size_t line_size;
    *found = signature_find(bytes, size, &line, &line_size);
    if (*found > size || (line && line + line_size != (const char *)bytes + size))
        abort();
    return line && signature_check(&trusted, bytes, *found, line, line_size, &signer, NULL);
}

/* ---- modules ----------------------------------------------------------------------------------- */

static bool is_one_bit(const char *a, const char *b, size_t size)
{
    unsigned bits = 0;
    for (size_t i = 0; i < size; i++)
        bits += (unsigned)__builtin_popcount((unsigned char)(a[i] ^ b[i]));
    return bits == 1;
}

/* Two bytes say where, the third what is flipped there. */
static void try_edits(const uint8_t *data, size_t size)
{
    char copy[1024];
    size_t found;
    if (module.size > sizeof copy)
        abort();
    memcpy(copy, module.data, module.size);
    for (size_t i = 0; i + 3 <= size; i += 3)
        copy[((size_t)data[i] << 8 | data[i + 1]) % module.size] ^= (char)data[i + 2];
    if (!verifies(copy, module.size, &found)) {
        if (memcmp(copy, module.data, module.size) == 0)
            abort();
        return;
    }
    if (found != signed_size || memcmp(copy, module.data, signed_size) != 0 ||
        is_one_bit(copy, module.data, module.size))
        abort();
}

static bool is_made_of_sections(const char *bytes, size_t size)
{
    const char *at = bytes + SECTION_MODULE_HEAD;
    struct section section;
    while (size >= SECTION_MODULE_HEAD && section_next(&at, bytes + size, &section))
        if (section.content < section.begin || section.content > section.end ||
            section.end > bytes + size || section.end <= section.begin)
            abort();
    return size >= SECTION_MODULE_HEAD && at == bytes + size;
}

/* As `sluice sign` does: its section replaces an earlier one. */
static void try_module(const uint8_t *data, size_t size)
{
    struct buf copy, line;
    struct error err;
    size_t found;
    if (verifies(data, size, &found) && found == size)
        abort();
    buf_init(&copy, size + 1024);
    buf_init(&line, SIGNATURE_LINE_MAX);
    buf_append(&copy, data, found);
    if (!signature_make(&key, buf_text(&copy), found, &line, &err))
        abort();
    section_append(&copy, SIGNATURE_SECTION, line.data, line.size);
    size_t again;
    bool ok = verifies(copy.data, copy.size, &again);
    if (is_made_of_sections((const char *)data, found) ? !ok || again != found : ok)
        abort();
    buf_release(&line);
    buf_release(&copy);
}

/* ---- lines and keys ---------------------------------------------------------------------------- */

static size_t words_of(const char *text, size_t size, char out[SIGNATURE_LINE_MAX + 1])
{
    size_t count = 0;
    for (size_t i = 0; i < size && count < SIGNATURE_LINE_MAX; i++)
        if (!strchr(" \t\v\f\r\n", text[i]))
            out[count++] = text[i];
    return count;
}

static void try_line(const uint8_t *data, size_t size)
{
    const struct trusted_key *signer = NULL;
    char given[SIGNATURE_LINE_MAX + 1], made[SIGNATURE_LINE_MAX + 1];
    const char *line;
    size_t line_size;
    signature_find(module.data, module.size, &line, &line_size);
    if (!signature_check(&trusted, module.data, signed_size, (const char *)data, size, &signer, NULL))
        return;
    size_t count = words_of((const char *)data, size, given);
    if (signer != &trusted.keys[0] || count != words_of(line, line_size, made) ||
        memcmp(given, made, count) != 0)
        abort();
}

/* Another key never vouches for the module, even if it calls itself what the module's key is called. */
static void try_public_key(void)
{
    static struct trusted_keys others;
    const struct trusted_key *signer;
    const char *line;
    size_t line_size;
    struct error err = {0};
    others.count = 1;
    if (!trusted_key_read(&others.keys[0], path, &err)) {
        if (!err.message[0])
            abort();
        return;
    }
    bool is_same = memcmp(others.keys[0].point, key.public_key.point, SIGNATURE_POINT_SIZE) == 0;
    if (is_same != (strcmp(others.keys[0].id, key.public_key.id) == 0))
        abort();
    memcpy(others.keys[0].id, key.public_key.id, sizeof others.keys[0].id);
    signature_find(module.data, module.size, &line, &line_size);
    if (signature_check(&others, module.data, signed_size, line, line_size, &signer, NULL) != is_same)
        abort();
}

static void try_private_key(void)
{
    static struct trusted_keys own;
    struct signing_key read;
    struct buf line;
    const struct trusted_key *signer;
    struct error err = {0};
    if (!signing_key_read(&read, path, &err)) {
        if (!err.message[0])
            abort();
        return;
    }
    own.keys[0] = read.public_key;
    own.count = 1;
    buf_init(&line, SIGNATURE_LINE_MAX);
    if (!signature_make(&read, "text", 4, &line, &err) ||
        !signature_check(&own, "text", 4, line.data, line.size, &signer, &err) ||
        signature_check(&own, "tex", 3, line.data, line.size, &signer, &err))
        abort();
    buf_release(&line);
    signing_key_wipe(&read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (file < 0)
        begin();
    if (size == 0)
        return 0;
    int kind = data[0] % KINDS;
    data++;
    size--;
    if (kind == PUBLIC_KEY || kind == PRIVATE_KEY)
        write_file(data, size);
    if (kind == EDITS)
        try_edits(data, size);
    else if (kind == MODULE)
        try_module(data, size);
    else if (kind == LINE)
        try_line(data, size);
    else if (kind == PUBLIC_KEY)
        try_public_key();
    else
        try_private_key();
    return 0;
}
