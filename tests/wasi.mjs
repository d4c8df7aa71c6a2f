// SPDX-License-Identifier: MIT
// Runs a WASI program with nothing but standard streams: wasi.mjs PROGRAM.wasm
// An engine that is not ours: what it says and what sluice says must agree.
import { readFileSync } from 'node:fs';
import { runProgram } from '../shared/js/wasi.mjs';

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { status, stdout, stderr } = await runProgram(module, Buffer.concat(chunks));
process.stdout.write(stdout);
process.stderr.write(stderr);
process.exitCode = status;
