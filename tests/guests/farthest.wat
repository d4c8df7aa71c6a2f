;; SPDX-License-Identifier: MIT
;; The highest address that WebAssembly can express: index and offset both 4 GiB - 1, 8 bytes wide.
(module
  (memory (export "memory") 1)
  (func (export "_start")
    i32.const -1
    i64.load offset=4294967295
    drop))
