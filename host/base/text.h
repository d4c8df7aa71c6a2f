/* SPDX-License-Identifier: MIT */
/* Small questions about text that several layers ask. Pure functions, thread-safe. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well-formed UTF-8 without NUL (RFC 3629: no surrogates, no overlong forms). */
bool text_is_utf8(const char *bytes, size_t size);

/* True if a byte below 0x20 or 0x7F occurs: such text never reaches a command line of a peer. */
bool text_has_control(const char *text);

/* Letters (case folded) and digits only are compared: "to.ProcessNotification" is
 * "to.process.notification". Bytes above 0x7F compare as they are. */
bool text_same_name(const char *a, const char *b);

/* The candidate nearest to wanted (edit distance, at most a third of its length), or NULL.
 * candidates is an array of count pointers. */
const char *text_nearest(const char *wanted, const char *const *candidates, size_t count);

/* "512", "64KiB", "1MiB", "1GiB", "2GB" (powers of 1000 for kB/MB/GB) to bytes; false: not a size. */
bool text_parse_size(const char *text, uint64_t *bytes);

/* A whole decimal number within [min, max], nothing before or behind it. */
bool text_parse_int(const char *text, int64_t min, int64_t max, int64_t *value);

/* Percent signs of RFC 3986 ("%7C" is "|"), and with plus '+' as a space, decoded into out with a NUL.
 * False: a '%' without two digits, more than out_size, or what comes out is not UTF-8 text without
 * control characters. */
bool text_decode_percent(const char *text, bool plus, char *out, size_t out_size);

/* The two alphabets of RFC 4648. */
enum base64 {
    BASE64_PADDED, /* section 4, with its "=" */
    BASE64_URL,    /* section 5, without "=", as RFC 7515 wants it */
};

/* Decodes size digits into out, which has room bytes; *out_size: how many came out. Only the encoding
 * that an encoder makes is taken: false for another byte, missing or superfluous padding, unused bits
 * that are not zero, or more than room. No NUL is added; of out, nothing may be used after a false. */
bool text_decode_base64(const char *text, size_t size, enum base64 form, void *out, size_t room,
                        size_t *out_size);

/* Whether a Content-Type says JSON: "application/json; charset=utf-8", "application/problem+json". */
bool text_is_json_type(const char *content_type);

#define TEXT_SIZE_SIZE 24
/* "0 B", "1.5 MiB" for people. Returns text. */
const char *text_format_size(uint64_t bytes, char text[static TEXT_SIZE_SIZE]);

/* FNV-1a: for tables and to tell texts apart, not against somebody who looks for equal ones. */
uint64_t text_hash(const char *text);

/* Compares in time that depends on the lengths only. */
bool text_same_secret(const char *a, size_t a_size, const char *b, size_t b_size);
#endif
