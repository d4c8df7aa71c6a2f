/* SPDX-License-Identifier: MIT */
/* Fuzz target: any bytes as a form with a file. What is taken as a file's name can be one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/http_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_exchange exchange = {.content_type = "multipart/form-data; boundary=b"};
    struct http_form_file file;
    struct error err = {0};
    buf_init(&exchange.body, 1u << 20);
    buf_init(&file.bytes, 1u << 10);
    buf_append(&exchange.body, data, size);
    bool ok = http_form_file(&exchange, "file", &file, &err);
    if (ok ? strchr(file.name, '/') || text_has_control(file.name) || file.bytes.failed
           : !err.message[0])
        abort();
    buf_release(&exchange.body);
    buf_release(&file.bytes);
    return 0;
}
