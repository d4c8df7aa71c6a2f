// SPDX-License-Identifier: MIT
// A host for flows in JavaScript: the imports of sluice/abi.h as far as a worker can offer them. HTTP is
// fetch; files, FTP, Object Storage, mail and other flows are refused as unsupported.
//
// fetch answers later, imports answer at once. So a call that has no answer yet ends the run, is made, and
// the flow is run again from its beginning, its earlier calls being answered from the journal: a guest does
// the same as long as it is told the same, which is what the durable execution of Sluice rests on, too.
import { runProgram } from './wasi.mjs';

const INVALID = -1, DENIED = -2, NOT_FOUND = -3, LIMIT = -5, UNKNOWN = -9, TIMEOUT = -10, BAD_HANDLE = -12;
const UNSUPPORTED = -13, INTERNAL = -14;
const TEXT_SIZE_MAX = 8192, BYTES_SIZE_MAX = 8 << 20; // as in abi.h
const ANSWER_SIZE_MAX = 1 << 20;
const TIMEOUT_MS = 60000;
const CODES = { [INVALID]: 'invalid', [DENIED]: 'denied', [LIMIT]: 'limit', [UNKNOWN]: 'unknown',
  [TIMEOUT]: 'timeout', [UNSUPPORTED]: 'unsupported', [INTERNAL]: 'internal' };

/** Thrown through the guest's frames: the flow cannot go on before task() has been awaited. */
class Pending extends Error {
  constructor(task) {
    super('pending');
    this.task = task;
  }
}

const fold = (name) => name.toLowerCase().replaceAll(/[^a-z0-9\u0080-\uffff]/g, '');

/** A property of a lookup; names are compared without case and punctuation. */
function property(lookups, table, name) {
  const wanted = fold(name);
  const found = Object.entries(lookups[table] ?? {}).find(([key]) => fold(key) === wanted);
  return found?.[1];
}

async function bounded(answer) {
  const chunks = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    if (size > ANSWER_SIZE_MAX) return null;
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** One request over a connection: what the journal keeps of it. */
async function request({ connection, method, path, type, body }) {
  const headers = new Headers(connection.headers);
  if (body.length) headers.set('Content-Type', type);
  try {
    const answer = await fetch(connection.url + path, {
      method, headers, body: body.length ? body : undefined, redirect: 'manual',
      signal: AbortSignal.timeout(connection.timeout_ms ?? TIMEOUT_MS),
    });
    const bytes = await bounded(answer);
    if (!bytes) return { failure: LIMIT, detail: `the answer is longer than ${ANSWER_SIZE_MAX} bytes` };
    return { status: answer.status, headers: Object.fromEntries(answer.headers), bytes };
  } catch (error) {
    // Whether the peer got it cannot be told from what fetch says.
    return error.name === 'TimeoutError'
      ? { failure: TIMEOUT, detail: 'the peer did not answer in time' }
      : { failure: UNKNOWN, detail: `the answer was lost: ${error.message}` };
  }
}

function flowImports(memory, run) {
  const { manifest, facts, lookups, connections, journal, outcome } = run;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const handles = new Map();
  let fault = null, calls = 0, next = 1;

  const bytes = (address, size) => new Uint8Array(memory().buffer, address >>> 0, size >>> 0);
  const text = (address, size) => {
    if (size >>> 0 > TEXT_SIZE_MAX) throw new RangeError('a text is too long');
    return decoder.decode(bytes(address, size));
  };
  const give = (value, address, capacity) => {
    const all = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    bytes(address, capacity).set(all.subarray(0, capacity >>> 0));
    return all.length;
  };
  const fail = (status, name, connection, detail) => {
    fault = { code: CODES[status], title: 'The call failed', detail, connection, import: name };
    return status;
  };
  const refuse = (name, words) => (address, size) =>
    fail(UNSUPPORTED, name, words ? text(address, size) : '', 'a JavaScript worker cannot do that');
  const isGranted = (name) => manifest.grants.some((grant) => grant.capability === 'http'
    && grant.connection === name && grant.operations.includes('request'));

  return {
    sluice_flow: {
      input: (address, capacity) => give(run.message, address, capacity),
      parameter: () => NOT_FOUND,
      about: (key, size, address, capacity) => {
        const value = facts[text(key, size)];
        return value === undefined ? INVALID : give(value, address, capacity);
      },
      lookup: (table, tableSize, name, nameSize, address, capacity) => {
        const lookup = text(table, tableSize);
        if (!manifest.lookups.includes(lookup)) {
          return fail(DENIED, 'flow.lookup', '', `lookup '${lookup}' is not in the manifest`);
        }
        const value = property(lookups, lookup, text(name, nameSize));
        return value === undefined ? NOT_FOUND : give(String(value), address, capacity);
      },
      attachment: () => NOT_FOUND,
      call: refuse('flow.call', true),
      respond: (status, type, typeSize, address, size) => {
        outcome.answer = { status: status >>> 0, type: text(type, typeSize), bytes: bytes(address, size).slice() };
        return 0;
      },
      fail: (code, codeSize, title, titleSize, detail, detailSize) => {
        outcome.fault = [text(code, codeSize), text(title, titleSize), text(detail, detailSize)];
        return 0;
      },
      fault: (address, capacity) => (fault ? give(JSON.stringify(fault), address, capacity) : NOT_FOUND),
      track: (name, nameSize, value, valueSize) => {
        outcome.tracked[text(name, nameSize)] = text(value, valueSize);
        return 0;
      },
      report_file: () => 0,
      extensions: () => 0, // a worker has no customisations
      extend: () => 0,
      extend_file: () => 0,
    },
    sluice_http: {
      request: (connection, connectionSize, method, methodSize, path, pathSize, type, typeSize, body, bodySize) => {
        const name = text(connection, connectionSize), at = text(path, pathSize);
        if (!isGranted(name)) {
          return fail(DENIED, 'http.request', name, 'the manifest grants no requests over this connection');
        }
        if (!connections[name]) return fail(INVALID, 'http.request', name, 'the worker has no such connection');
        if (!/^\/[\x21-\x7e]*$/.test(at) || at.includes('..')) {
          return fail(INVALID, 'http.request', name, 'the path is malformed');
        }
        if (bodySize >>> 0 > BYTES_SIZE_MAX) return fail(LIMIT, 'http.request', name, 'the body is too long');
        const call = calls++;
        if (call >= journal.length) {
          const asked = { connection: connections[name], method: text(method, methodSize), path: at,
            type: text(type, typeSize), body: bytes(body, bodySize).slice() };
          throw new Pending(() => request(asked));
        }
        const result = journal[call];
        if (result.failure) return fail(result.failure, 'http.request', name, result.detail);
        handles.set(next, result);
        return next++;
      },
      status: (handle) => handles.get(handle)?.status ?? BAD_HANDLE,
      header: (handle, name, size, address, capacity) => {
        if (!handles.has(handle)) return BAD_HANDLE;
        const value = handles.get(handle).headers[text(name, size).toLowerCase()];
        return value === undefined ? NOT_FOUND : give(value, address, capacity);
      },
      body: (handle, address, capacity) =>
        (handles.has(handle) ? give(handles.get(handle).bytes, address, capacity) : BAD_HANDLE),
      ...Object.fromEntries(['object_list', 'object_open', 'object_store', 'object_stat', 'object_rename']
        .map((name) => [name, refuse(`http.${name}`, true)])),
    },
    sluice_ftp: Object.fromEntries(['list', 'open', 'store', 'stat', 'rename']
      .map((name) => [name, refuse(`ftp.${name}`, true)])),
    sluice_smtp: { send: refuse('smtp.send', true) },
    sluice_file: {
      next: () => BAD_HANDLE,
      info: () => BAD_HANDLE,
      close: (handle) => (handles.delete(handle) || handle <= 0 ? 0 : BAD_HANDLE),
    },
  };
}

/**
 * Runs a flow to its end. module: a WebAssembly.Module; message: bytes; connections: {NAME: {url, headers?,
 * timeout_ms?}}; lookups: {NAME: {PROPERTY: VALUE}}. Gives {status, answer?, fault?, tracked, log}; what a trap
 * says is in fault.
 */
export async function runFlow({ module, manifest, message, connections, lookups, invokedBy = '' }) {
  const instance = crypto.randomUUID();
  const started = Date.now();
  const facts = {
    instance, flow: manifest.identifier, name: manifest.name, version: manifest.version, trigger: 'rest',
    invoked_by: invokedBy, started: new Date(started).toISOString().replace(/\.\d+Z$/, 'Z'), base_url: '',
    file_size_max: '0',
  };
  const journal = [];
  for (;;) {
    const outcome = { instance, tracked: {} };
    try {
      const run = { manifest, facts, lookups, connections, journal, outcome, message };
      const done = await runProgram(module, undefined, (memory) => flowImports(memory, run), started);
      return { ...outcome, status: done.status, log: new TextDecoder().decode(done.stderr) };
    } catch (error) {
      if (!(error instanceof Pending)) {
        return { ...outcome, answer: undefined, status: 1, log: '', fault: ['trap', 'The flow was stopped', error.message] };
      }
      if (journal.length >= manifest.limits.import_calls) {
        return { ...outcome, status: 1, log: '', fault: ['import_limit', 'Too many calls', 'the manifest limits them'] };
      }
      journal.push(await error.task());
    }
  }
}
