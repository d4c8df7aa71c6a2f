/* SPDX-License-Identifier: MIT */
/*
 * What a filter may give at the extension points that have a form: JSON at "request", "message" and
 * "notification", a part of the list at "select", one file name at "name". At others any bytes are good.
 */
#ifndef CAPABILITY_FILTER_CHECK_H
#define CAPABILITY_FILTER_CHECK_H
#include "base/buf.h"
#include "base/error.h"

#define FILTER_NAME_SIZE_MAX 255u /* bytes of a target name */

/* Judges what came out of a filter that got size bytes of input. A name loses the newline behind it.
 * ERROR_FILTER with words that follow "the filter ...". */
MUST_USE bool filter_check_output(const char *point, const void *input, size_t size,
                                  struct buf *output, struct error *err);
#endif
