/* SPDX-License-Identifier: MIT */
/* Names and sentences of faults; the order is that of enum fault in sandbox.h. */
#include "engine/sandbox.h"

static const struct {
    const char *name;
    const char *text;
} faults[] = {
    [FAULT_NONE] = {"none", "The module ran to its end."},
    [FAULT_MEMORY_OUT_OF_BOUNDS] = {"memory_out_of_bounds",
        "The module read or wrote outside its memory; this is a bug in the module."},
    [FAULT_STACK_EXHAUSTED] = {"stack_exhausted",
        "The module recursed deeper than its stack allows; look for endless recursion or large "
        "local arrays."},
    [FAULT_UNREACHABLE] = {"unreachable",
        "The module gave up (abort, a failed assertion or undefined behaviour); its log lines just "
        "before may say why."},
    [FAULT_TABLE_OUT_OF_BOUNDS] = {"table_out_of_bounds",
        "The module called through a function pointer that is none; this is a bug in the module."},
    [FAULT_INDIRECT_CALL_MISMATCH] = {"indirect_call_mismatch",
        "The module called through a function pointer that is none, or of another type; this is a "
        "bug in the module."},
    [FAULT_INTEGER_OVERFLOW] = {"integer_overflow",
        "An integer division or conversion in the module gave a result that does not fit."},
    [FAULT_DIVIDE_BY_ZERO] = {"divide_by_zero", "The module divided an integer by zero."},
    [FAULT_INVALID_CONVERSION] = {"invalid_conversion",
        "The module converted a floating point value that is not a number to an integer."},
    [FAULT_CPU_DEADLINE] = {"cpu_deadline",
        "The module used more CPU time than its limit; look for an endless loop or raise the limit "
        "in its manifest."},
    [FAULT_WALL_DEADLINE] = {"wall_deadline",
        "The execution took longer than its limit; look at what it waited for or raise the limit "
        "in its manifest."},
    [FAULT_BAD_ADDRESS] = {"bad_address",
        "The module passed an address range outside its memory to the host; this is a bug in the "
        "module."},
    [FAULT_IMPORT_LIMIT] = {"import_limit",
        "The module made more calls to the host than its limit; look for a loop or raise the "
        "limit in its manifest."},
    [FAULT_CANCELLED] = {"cancelled", "Somebody asked this execution to stop."},
    [FAULT_SUSPENDED] = {"suspended",
        "The execution could not go on; what it has done is kept, and it goes on from there later."},
    [FAULT_DIVERGED] = {"diverged",
        "The module asked for something else than it did before at the same place, so that what it "
        "did before cannot be carried on; it must give the same answers to the same questions."},
    [FAULT_JOURNAL_LIMIT] = {"journal_limit",
        "The module got more answers from the host than the journal of one execution takes; it must "
        "do its work in several runs."},
    [FAULT_NO_SLOT] = {"no_slot",
        "No memory could be had for a sandbox, so nothing ran; run again, with fewer executions at "
        "the same time."},
    [FAULT_INTERNAL] = {"internal", "The host failed; its log says why."},
};

#define FAULT_COUNT (sizeof faults / sizeof faults[0])

const char *fault_name(enum fault fault)
{
    return (size_t)fault < FAULT_COUNT ? faults[fault].name : "unknown";
}

const char *fault_text(enum fault fault)
{
    return (size_t)fault < FAULT_COUNT ? faults[fault].text : "An unknown fault.";
}
