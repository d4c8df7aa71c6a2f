/* SPDX-License-Identifier: MIT */
/*
 * The WASI calls (snapshot preview 1) that a C program needs, and no others: there is no file
 * system and no socket behind them. Descriptors: 0 is the flow's input, 1 and 2 go line by line to
 * the instance's activity stream. Numbers and layouts: WASI's witx for snapshot preview 1.
 */
#ifndef CAPABILITY_WASI_H
#define CAPABILITY_WASI_H

/* X(name, signature for the verifier) */
#define WASI_IMPORTS(X)                                                                            \
    X(args_get, "ii:i")                                                                            \
    X(args_sizes_get, "ii:i")                                                                      \
    X(environ_get, "ii:i")                                                                         \
    X(environ_sizes_get, "ii:i")                                                                   \
    X(clock_res_get, "ii:i")                                                                       \
    X(clock_time_get, "iIi:i")                                                                     \
    X(random_get, "ii:i")                                                                          \
    X(fd_write, "iiii:i")                                                                          \
    X(fd_read, "iiii:i")                                                                           \
    X(fd_close, "i:i")                                                                             \
    X(fd_seek, "iIii:i")                                                                           \
    X(fd_fdstat_get, "ii:i")                                                                       \
    X(proc_exit, "i:")                                                                             \
    X(sched_yield, ":i")
#endif
