// Standard input and output over WASI.
@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(fd: i32, iovecs: usize, count: i32, got: usize): i32;
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, iovecs: usize, count: i32, written: usize): i32;
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(status: i32): void;

const BLOCK_SIZE = 65536;
const iovec = memory.data(8);
const count = memory.data(4);
const block = new Uint8Array(BLOCK_SIZE);

/** The next bytes of standard input, valid until the next call; none at its end. */
export function read(): Uint8Array {
  store<usize>(iovec, block.dataStart);
  store<u32>(iovec, BLOCK_SIZE, 4);
  if (fd_read(0, iovec, 1, count) != 0) proc_exit(1);
  return block.subarray(0, load<u32>(count));
}

/** All bytes to standard output (1) or standard error (2). */
export function write(fd: i32, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) {
    store<usize>(iovec, bytes.dataStart + done);
    store<u32>(iovec, bytes.length - done, 4);
    if (fd_write(fd, iovec, 1, count) != 0) proc_exit(1);
    done += load<u32>(count);
  }
}

/** What AssemblyScript calls when it cannot go on. */
export function stop(message: string | null, file: string | null, line: u32, column: u32): void {
  if (message) write(2, Uint8Array.wrap(String.UTF8.encode(message + "\n")));
  proc_exit(70);
}
