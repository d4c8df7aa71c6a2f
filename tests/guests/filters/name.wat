;; SPDX-License-Identifier: MIT
;; A name filter in WebAssembly text: puts "W-" before the name.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "W-")
  (func (export "_start")
    ;; iovec at 0: address 66, 1,000 bytes; how many came at 8
    (i32.store (i32.const 0) (i32.const 66))
    (i32.store (i32.const 4) (i32.const 1000))
    (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (call $exit (i32.const 1))))
    ;; iovec at 0: from "W-" on
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.add (i32.load (i32.const 8)) (i32.const 2)))
    (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (call $exit (i32.const 1))))))
