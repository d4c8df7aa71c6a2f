/* SPDX-License-Identifier: MIT */
/* libcurl's list of texts, longer by one: curl_slist_append's own result would lose the list where memory
 * is out. */
#ifndef TRANSFER_HEADER_LIST_H
#define TRANSFER_HEADER_LIST_H
#include <curl/curl.h>

#include "base/error.h"

/* *list: NULL for an empty one; whoever has it frees it. false: out of memory, and the list is as it was. */
MUST_USE static inline bool header_list_add(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (longer)
        *list = longer;
    return longer != NULL;
}
#endif
