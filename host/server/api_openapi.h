/* SPDX-License-Identifier: MIT */
/* Parts of the API's description that are JSON Schemas. */
#ifndef SERVER_API_OPENAPI_H
#define SERVER_API_OPENAPI_H
#include "server/api_call.h"

/* The members of a field's JSON Schema. */
void openapi_write_type(struct document *document, const struct api_field *field);
void openapi_write_reference(struct document *document, const struct api_schema *schema);
/* Every schema that operations name, and how callers log in. */
void openapi_write_components(struct document *document);
#endif
