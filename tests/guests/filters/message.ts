// SPDX-License-Identifier: MIT
// A message filter in AssemblyScript: adds a member to the object that goes to CCS.
// Compiled with --exportStart _start --use abort=message/stop.

@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(fd: i32, iovecs: usize, count: i32, got: usize): i32;
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, iovecs: usize, count: i32, written: usize): i32;
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(status: i32): void;

export function stop(message: string | null, file: string | null, line: u32, column: u32): void {
  proc_exit(70);
}

const iovec = memory.data(8);
const count = memory.data(4);
const block = memory.data(65536);

function read(): string {
  let text = "";
  do {
    store<usize>(iovec, block);
    store<u32>(iovec, 65536, 4);
    if (fd_read(0, iovec, 1, count) != 0) proc_exit(1);
    text += String.UTF8.decodeUnsafe(block, load<u32>(count)); // messages of a test are ASCII
  } while (load<u32>(count) > 0);
  return text;
}

function write(fd: i32, text: string): void {
  const bytes = Uint8Array.wrap(String.UTF8.encode(text));
  let done = 0;
  while (done < bytes.length) {
    store<usize>(iovec, bytes.dataStart + done);
    store<u32>(iovec, bytes.length - done, 4);
    if (fd_write(fd, iovec, 1, count) != 0) proc_exit(1);
    done += load<u32>(count);
  }
}

const message = read();
write(2, "message of " + message.length.toString() + " characters\n");
write(1, '{"externalIds":{"entityIdList":[{"externalPk1":"AssemblyScript"}]},' + message.substring(1));
