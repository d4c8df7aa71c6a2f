// SPDX-License-Identifier: MIT
// As much of WASI (snapshot preview 1) as a program needs that has standard streams, a clock and random
// numbers and nothing else: for pages, JavaScript workers and tests. Each run gets an instance and a memory
// of its own. What is not here fails when the module is instantiated, by its name.

const SUCCESS = 0, BAD_DESCRIPTOR = 8, NOT_SUPPORTED = 58, NOT_SEEKABLE = 70;
const CHARACTER_DEVICE = 2;
const OUTPUT_SIZE_MAX = 16 << 20; // bytes of each stream; a program that writes more is ended

/** How a program ends by itself: thrown through its frames. */
class Exit extends Error {
  constructor(status) {
    super(`exit ${status}`);
    this.status = status;
  }
}

class Stream {
  chunks = [];
  size = 0;

  add(bytes) {
    this.size += bytes.length;
    if (this.size > OUTPUT_SIZE_MAX) throw new RangeError(`more than ${OUTPUT_SIZE_MAX} bytes of output`);
    this.chunks.push(bytes.slice());
  }

  bytes() {
    const all = new Uint8Array(this.size);
    let at = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}

function wasiImports(memory, stdin, out, err) {
  let read = 0;
  const view = () => new DataView(memory().buffer);
  /** The ranges of a list of (address, size) pairs. */
  function* ranges(address, count) {
    for (let i = 0; i < count; i++) {
      yield new Uint8Array(memory().buffer, view().getUint32(address + 8 * i, true),
        view().getUint32(address + 8 * i + 4, true));
    }
  }
  return {
    args_sizes_get(count, size) {
      view().setUint32(count, 0, true);
      view().setUint32(size, 0, true);
      return SUCCESS;
    },
    args_get: () => SUCCESS,
    environ_sizes_get(count, size) {
      view().setUint32(count, 0, true);
      view().setUint32(size, 0, true);
      return SUCCESS;
    },
    environ_get: () => SUCCESS,
    clock_time_get(id, precision, time) {
      view().setBigUint64(time, BigInt(Date.now()) * 1000000n, true);
      return SUCCESS;
    },
    random_get(address, size) {
      crypto.getRandomValues(new Uint8Array(memory().buffer, address, size));
      return SUCCESS;
    },
    fd_read(descriptor, list, count, done) {
      if (descriptor !== 0) return BAD_DESCRIPTOR;
      let size = 0;
      for (const range of ranges(list, count)) {
        const part = stdin.subarray(read, read + range.length);
        range.set(part);
        read += part.length;
        size += part.length;
      }
      view().setUint32(done, size, true);
      return SUCCESS;
    },
    fd_write(descriptor, list, count, done) {
      if (descriptor !== 1 && descriptor !== 2) return BAD_DESCRIPTOR;
      let size = 0;
      for (const range of ranges(list, count)) {
        (descriptor === 1 ? out : err).add(range);
        size += range.length;
      }
      view().setUint32(done, size, true);
      return SUCCESS;
    },
    fd_fdstat_get(descriptor, address) {
      if (descriptor > 2) return BAD_DESCRIPTOR;
      new Uint8Array(memory().buffer, address, 24).fill(0);
      view().setUint8(address, CHARACTER_DEVICE);
      view().setBigUint64(address + 8, 0xFFFFFFFFn, true); // rights
      return SUCCESS;
    },
    fd_seek: () => NOT_SEEKABLE,
    fd_close: () => SUCCESS,
    fd_prestat_get: () => BAD_DESCRIPTOR,
    fd_prestat_dir_name: () => BAD_DESCRIPTOR,
    sched_yield: () => SUCCESS,
    poll_oneoff: () => NOT_SUPPORTED,
    proc_exit(status) {
      throw new Exit(status);
    },
  };
}

/**
 * Runs main() of a WebAssembly.Module. imports: functions of further import modules, which are given the
 * instance's memory as memory(). Gives {status, stdout, stderr}, the latter as bytes; a trap is an exception.
 */
export async function runProgram(module, stdin = new Uint8Array(0), imports = () => ({})) {
  let instance;
  const memory = () => instance.exports.memory;
  const out = new Stream(), err = new Stream();
  instance = await WebAssembly.instantiate(module, {
    wasi_snapshot_preview1: wasiImports(memory, stdin, out, err),
    env: { emscripten_notify_memory_growth() {} }, // Emscripten's; views are made anew each time
    ...imports(memory),
  });
  let status = 0;
  try {
    instance.exports._start();
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    status = error.status;
  }
  return { status, stdout: out.bytes(), stderr: err.bytes() };
}
