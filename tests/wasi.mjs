// SPDX-License-Identifier: MIT
// Runs a WASI program with nothing but arguments and standard streams: wasi.mjs PROGRAM.wasm [ARGUMENT...]
// An engine that is not ours: what it says and what sluice says must agree.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [path, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args: [path, ...args], returnOnExit: true });
const module = new WebAssembly.Module(readFileSync(path));
const instance = new WebAssembly.Instance(module, wasi.getImportObject());
globalThis.kept = wasi; // the imports do not keep it: a collection of garbage would end the process
process.exitCode = wasi.start(instance);
