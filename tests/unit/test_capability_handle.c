/* SPDX-License-Identifier: MIT */
#include "capability/handle.h"

#include "check.h"

static int released;

static void release(void *object)
{
    released += *(int *)object;
}

static void a_handle_finds_its_object_until_it_is_closed(void)
{
    static struct handle_table table;
    int object = 1;
    released = 0;
    uint32_t handle = (uint32_t)handle_open(&table, HANDLE_FILE, &object, release);
    CHECK(handle > 0);
    CHECK(handle_get(&table, handle, HANDLE_FILE) == &object);
    CHECK(handle_close(&table, handle));
    CHECK_EQ_INT(released, 1);
    CHECK(handle_get(&table, handle, HANDLE_FILE) == NULL);
    CHECK(!handle_close(&table, handle));
    CHECK_EQ_INT(released, 1);
}

static void another_kind_and_a_reused_slot_are_recognised(void)
{
    static struct handle_table table;
    int object = 1;
    uint32_t old = (uint32_t)handle_open(&table, HANDLE_FILE, &object, NULL);
    CHECK(handle_get(&table, old, HANDLE_LISTING) == NULL);
    handle_close(&table, old);
    uint32_t new = (uint32_t)handle_open(&table, HANDLE_FILE, &object, NULL);
    CHECK(new != old);
    CHECK(handle_get(&table, old, HANDLE_FILE) == NULL);
    CHECK(handle_get(&table, new, HANDLE_FILE) == &object);
}

/* Guesses around a real handle, single bits, and everything a small loop can reach. */
static void forged_handles_find_nothing(void)
{
    static struct handle_table table;
    int object = 1;
    uint32_t handle = (uint32_t)handle_open(&table, HANDLE_RESPONSE, &object, NULL);
    int found = 0;
    for (uint32_t guess = 0; guess < 1u << 20; guess++)
        for (int kind = HANDLE_FILE; kind <= HANDLE_RESPONSE; kind++)
            found += handle_get(&table, guess, (enum handle_kind)kind) != NULL;
    CHECK_EQ_INT(found, handle < 1u << 20 ? 1 : 0);
    for (int bit = 0; bit < 32; bit++)
        CHECK(handle_get(&table, handle ^ 1u << bit, HANDLE_RESPONSE) == NULL);
    CHECK(handle_get(&table, 0, HANDLE_FREE) == NULL);
    CHECK(handle_get(&table, UINT32_MAX, HANDLE_FILE) == NULL);
}

static void the_table_holds_n_and_not_n_plus_1(void)
{
    static struct handle_table table;
    int object = 1;
    released = 0;
    for (uint32_t i = 0; i < SLUICE_HANDLES_MAX; i++)
        CHECK(handle_open(&table, HANDLE_LISTING, &object, release) > 0);
    CHECK_EQ_INT(handle_open(&table, HANDLE_LISTING, &object, release), 0);
    handle_close_all(&table);
    CHECK_EQ_INT(released, SLUICE_HANDLES_MAX);
    CHECK_EQ_INT(table.count, 0);
    CHECK(handle_open(&table, HANDLE_LISTING, &object, NULL) > 0);
}

CHECK_MAIN(TEST(a_handle_finds_its_object_until_it_is_closed),
           TEST(another_kind_and_a_reused_slot_are_recognised), TEST(forged_handles_find_nothing),
           TEST(the_table_holds_n_and_not_n_plus_1))
