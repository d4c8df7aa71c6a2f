/* SPDX-License-Identifier: MIT */
/* sluice customize new: a folder with a program to begin with, from template/. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/document.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/customize.h"
#include "workspace/template.h"

#define FILE_SIZE_MAX (64u << 10)

extern const struct template_file customize_template_files[];
extern const size_t customize_template_file_count;

static const char *const languages[] = {"c", "rust", "assemblyscript"};
#define LANGUAGE_COUNT (sizeof languages / sizeof languages[0])

static const struct {
    const char *point, *text;
} inputs[] = {
    {"request", "Standard input is the message as it was received; standard output is what the flow reads."},
    {"message", "Standard input is the message as it would be sent; standard output is what is sent."},
    {"select", "Standard input is a JSON list of files, [{\"name\", \"size\", \"modified\"?}]; standard output "
               "is the same without those that this run shall leave alone."},
    {"content", "Standard input are the bytes of one file; standard output is what is stored."},
    {"name", "Standard input is the name of one file; standard output is its name at the target."},
    {"notification", "Standard input is a mail, {\"to\", \"subject\", \"body\"}; standard output is the same "
                     "with what is to be otherwise."},
};

static const char *input_of(const char *point)
{
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
        if (strcmp(inputs[i].point, point) == 0)
            return inputs[i].text;
    return "Standard input is what the flow hands over; standard output is what it goes on with.";
}

static bool check_point(const struct manifest *flow, const char *point, struct error *err)
{
    for (size_t i = 0; i < flow->extension_point_count; i++)
        if (strcmp(flow->extension_points[i], point) == 0)
            return true;
    const char *nearest = text_nearest(point, (const char *const *)flow->extension_points,
                                       flow->extension_point_count);
    return error_set(err, ERROR_NOT_FOUND, "flow '%s' has no extension point '%.40s'%s%s%s",
                     flow->identifier, point, nearest ? "; did you mean '" : "",
                     nearest ? nearest : "", nearest ? "'?" : "");
}

static const char *check_language(const char *wanted, struct error *err)
{
    for (size_t i = 0; i < LANGUAGE_COUNT; i++)
        if (strcmp(languages[i], wanted) == 0)
            return languages[i];
    error_set(err, ERROR_INVALID, "there is no template in '%.40s'; there is c, rust and assemblyscript "
              "(any other language that compiles to WASI does, too)", wanted);
    return NULL;
}

/* ---- filling in --------------------------------------------------------------------------------------- */

struct filling {
    const char *mark, *text;
};

static void fill_in(const struct template_file *file, const struct filling *fillings, size_t count,
                    struct buf *out)
{
    const char *at = (const char *)file->bytes, *end = at + file->size;
    while (at < end) {
        size_t i = 0;
        for (; i < count; i++) {
            size_t size = strlen(fillings[i].mark);
            if ((size_t)(end - at) >= size && memcmp(at, fillings[i].mark, size) == 0)
                break;
        }
        if (i < count) {
            buf_append_text(out, fillings[i].text);
            at += strlen(fillings[i].mark);
        } else {
            buf_append_char(out, *at++);
        }
    }
}

static bool write_one(const char *folder, const char *name, const struct buf *text, struct error *err)
{
    char *path = file_join(folder, name);
    bool ok = path || error_set(err, ERROR_LIMIT, "out of memory");
    ok = ok && file_write(path, text->data, text->size, 0644, err);
    free(path);
    return ok;
}

static bool write_files(const char *language, const char *folder, const struct filling *fillings,
                        size_t filling_count, struct error *err)
{
    size_t prefix = strlen(language);
    bool ok = file_make_folder(folder, err);
    for (size_t i = 0; ok && i < customize_template_file_count; i++) {
        const struct template_file *file = &customize_template_files[i];
        struct buf text;
        if (strncmp(file->name, language, prefix) != 0 || file->name[prefix] != '/')
            continue;
        buf_init(&text, FILE_SIZE_MAX);
        fill_in(file, fillings, filling_count, &text);
        ok = write_one(folder, file->name + prefix + 1, &text, err);
        buf_release(&text);
    }
    return ok;
}

static int tell(const struct customize_call *call, const char *folder, const char *flow,
                const char *point)
{
    FILE *out = call->cli->out;
    if (call->cli->json) {
        struct document document;
        document_init(&document);
        document_open(&document, NULL, '{');
        document_text(&document, "folder", folder);
        document_close(&document, '}');
        document_finish(&document, out);
        return EXIT_DONE;
    }
    fprintf(out,
            "wrote %s/\n  make -C %s\n  sluice customize test %s %s %s/%s.wasm --message FILE\n"
            "  sluice sign --key NAME.key %s/%s.wasm\n  sluice customize add %s %s %s/%s.wasm\n",
            folder, folder, flow, point, folder, point, folder, point, flow, point, folder, point);
    return EXIT_DONE;
}

int customize_new(struct customize_call *call)
{
    struct error err = {0};
    char folder[256];
    const char *point = call->words[1], *lang = option_value(call->arguments, "lang");
    const char *language = check_language(lang ? lang : languages[0], &err);
    const struct manifest *flow =
        language ? customise_flow(call->customise, call->words[0], &err) : NULL;
    if (!flow || !check_point(flow, point, &err))
        return cli_fail(call->cli, cli_status_of(&err), &err);
    int size = snprintf(folder, sizeof folder, "%s", call->words[2] ? call->words[2] : "");
    if (!call->words[2])
        size = snprintf(folder, sizeof folder, "%s-%s", flow->identifier, point);
    const struct filling fillings[] = {
        {"@POINT@", point}, {"@FLOW@", flow->identifier}, {"@INPUT@", input_of(point)}};
    bool ok = (size >= 0 && (size_t)size < sizeof folder) ||
              error_set(&err, ERROR_INVALID, "the name of the folder is too long");
    ok = ok && (!file_exists(folder) ||
                error_set(&err, ERROR_EXISTS, "'%s' is there already; nothing was written", folder));
    ok = ok && write_files(language, folder, fillings, sizeof fillings / sizeof fillings[0], &err);
    return ok ? tell(call, folder, flow->identifier, point)
              : cli_fail(call->cli, cli_status_of(&err), &err);
}
