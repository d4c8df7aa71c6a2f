/* SPDX-License-Identifier: MIT */
/* Included ahead of every source of a unit test: its code gets a section of its own, so that a call that
 * the test makes is told from one that the host makes. */
#pragma clang section text = "test_code"
