/* SPDX-License-Identifier: MIT */
#include "base/arena.h"
#include "check.h"

static char order[16];

static void note(void *context)
{
    size_t length = strlen(order);
    order[length] = *(const char *)context;
    order[length + 1] = '\0';
}

static void deferred_calls_run_newest_first(void)
{
    struct arena arena;
    arena_init(&arena, 1024);
    order[0] = '\0';
    CHECK(arena_defer(&arena, note, "a"));
    CHECK(arena_alloc(&arena, 10) != NULL);
    CHECK(arena_defer(&arena, note, "b"));
    arena_clear(&arena);
    CHECK_EQ_TEXT(order, "ba");
    arena_clear(&arena);
    CHECK_EQ_TEXT(order, "ba");
}

static void a_call_taken_back_does_not_run(void)
{
    static const char a[] = "a";
    struct arena arena;
    arena_init(&arena, 1024);
    order[0] = '\0';
    CHECK(arena_defer(&arena, note, (void *)a));
    CHECK(arena_undefer(&arena, note, (void *)a));
    CHECK(!arena_undefer(&arena, note, (void *)a));
    arena_clear(&arena);
    CHECK_EQ_TEXT(order, "");
}

static void the_ceiling_holds_at_n_and_n_plus_1(void)
{
    struct arena arena;
    arena_init(&arena, 100);
    CHECK(arena_alloc(&arena, 100) != NULL);
    CHECK(arena_alloc(&arena, 1) == NULL);
    arena_clear(&arena);
    CHECK(arena_alloc(&arena, 101) == NULL);
    CHECK(arena_copy(&arena, "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", 99) != NULL);
    arena_clear(&arena);
}

static void a_copy_ends_with_nul(void)
{
    struct arena arena;
    arena_init(&arena, 100);
    CHECK_EQ_TEXT(arena_copy(&arena, "hello world", 5), "hello");
    CHECK_EQ_TEXT(arena_copy(&arena, NULL, 0), "");
    arena_clear(&arena);
}

CHECK_MAIN(TEST(deferred_calls_run_newest_first), TEST(a_call_taken_back_does_not_run),
           TEST(the_ceiling_holds_at_n_and_n_plus_1), TEST(a_copy_ends_with_nul))
