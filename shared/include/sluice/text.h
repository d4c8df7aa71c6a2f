/* SPDX-License-Identifier: MIT */
/*
 * Growable text, always NUL-terminated, and the questions about UTF-8 that flows have.
 *
 * Memory: a guest lives for one execution and is wiped after it, so nothing needs to be released
 * at the end of main; text_release is for loops. When memory runs out the execution ends with the
 * fault "out_of_memory": no function here can fail, none returns NULL.
 */
#ifndef SLUICE_TEXT_H
#define SLUICE_TEXT_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/memory.h"

/* All zero is an empty text. Members are for reading. */
struct text {
    char *data;      /* NULL as long as nothing was ever added */
    size_t size;     /* bytes without the NUL */
    size_t capacity; /* bytes that fit without growing, the NUL included */
};

const char *text_string(const struct text *text); /* "" if empty; valid until text changes */
void text_release(struct text *text);
void text_clear(struct text *text); /* keeps the memory */
void text_set(struct text *text, const char *string);
void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t size);
/* As printf, without floating point. */
void text_add_format(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void text_add_arguments(struct text *text, const char *format, va_list args);

/* Adds a whole number with separators: 1,234,567. */
void text_add_count(struct text *text, uint64_t number);

/* Adds string for people: bytes below 0x20, 0x7F and bytes that are not UTF-8 become '?'. At most
 * size_max bytes are added; what is left out is shown as "...". */
void text_add_printable(struct text *text, const char *string, size_t size_max);

/* Adds words broken into lines of at most columns characters, each behind indent blanks, ending
 * with a newline. A word longer than a line stays whole. Newlines in string break lines, too. */
void text_add_wrapped(struct text *text, const char *string, unsigned indent, unsigned columns);

/* Shortens text to at most size_max bytes without splitting a UTF-8 sequence. */
void text_cut(struct text *text, size_t size_max);

/* For imports that write to an OUT parameter: makes room for size bytes, then says whether the call
 * whose result this is must be repeated (the room was too small and has been made). On false, text
 * holds what arrived; a negative result leaves it empty. */
void text_room(struct text *text, size_t size);
bool text_must_repeat(struct text *text, int32_t result);

/* Whether bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool utf8_is_valid(const char *bytes, size_t size);

/* Length in bytes of the longest beginning of string, a valid UTF-8 text, that has at most
 * units_max UTF-16 code units: the way CCS counts the characters of a field. */
size_t utf8_prefix(const char *string, size_t units_max);

/* Compares letters, case folded, and digits only: "File Reference" is "fileReference". */
bool name_is_same(const char *a, const char *b);

/* Whether two words are the same but for case (ASCII). */
bool word_is_same(const char *a, const char *b);
#endif
