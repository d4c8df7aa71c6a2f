/* SPDX-License-Identifier: MIT */
#include "base/pack.h"
#include "check.h"

static void what_is_packed_comes_out(void)
{
    struct buf out;
    struct unpack in;
    size_t size;
    buf_init(&out, 1000);
    pack_number(&out, UINT64_MAX);
    pack_bytes(&out, "a\0b", 3);
    pack_bytes(&out, NULL, 0);
    pack_text(&out, "text");
    pack_text(&out, "");
    pack_text(&out, NULL);
    unpack_begin(&in, out.data, out.size);
    CHECK(unpack_number(&in) == UINT64_MAX);
    CHECK(!unpack_end(&in));
    const char *bytes = unpack_bytes(&in, &size);
    CHECK(size == 3 && memcmp(bytes, "a\0b", 3) == 0);
    unpack_bytes(&in, &size);
    CHECK_EQ_INT(size, 0);
    CHECK_EQ_TEXT(unpack_text(&in), "text");
    CHECK_EQ_TEXT(unpack_text(&in), "");
    CHECK(unpack_text(&in) == NULL);
    CHECK(unpack_end(&in));
    CHECK(unpack_number(&in) == 0);
    CHECK(!unpack_end(&in));
    buf_release(&out);
}

/* Cut at every byte: never read past the end, always noticed. */
static void a_torn_record_is_noticed(void)
{
    struct buf out;
    buf_init(&out, 1000);
    pack_number(&out, 7);
    pack_text(&out, "name");
    pack_bytes(&out, "bytes", 5);
    for (size_t cut = 0; cut < out.size; cut++) {
        struct unpack in;
        size_t size;
        char *copy = malloc(cut + 1); /* exact, so that a sanitizer sees a step too far */
        memcpy(copy, buf_text(&out), cut);
        unpack_begin(&in, copy, cut);
        unpack_number(&in);
        unpack_text(&in);
        unpack_bytes(&in, &size);
        CHECK(!unpack_end(&in));
        free(copy);
    }
    buf_release(&out);
}

static void a_text_without_its_nul_or_with_two_is_refused(void)
{
    static const char *const wrong[] = {"ab", "a\0"}; /* 2 bytes each */
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct buf out;
        struct unpack in;
        buf_init(&out, 100);
        pack_bytes(&out, wrong[i], 2);
        if (i == 1)
            out.data[8] = '\0';
        unpack_begin(&in, out.data, out.size);
        unpack_text(&in);
        CHECK(!unpack_end(&in));
        buf_release(&out);
    }
}

CHECK_MAIN(TEST(what_is_packed_comes_out), TEST(a_torn_record_is_noticed),
           TEST(a_text_without_its_nul_or_with_two_is_refused))
