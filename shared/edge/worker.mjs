// SPDX-License-Identifier: MIT
// The acknowledgement flow on a JavaScript worker platform: takes DACS's requests at the address that sluice
// serve has, for the one user that the settings name. Settings (bindings): SLUICE_USER, SLUICE_PASSWORD (of
// who may call), CCS_URL, CCS_USER, CCS_PASSWORD, CONFIG_PROPS (JSON: the properties of the ConfigProps lookup).
import flow from './customer_sync_ack.wasm';
import manifest from './flow.json';
import { runFlow } from './host.mjs';

const CCS = 'OU REST CCS for CCS-DACS', CONFIG = 'OUTL-BRT-CCS_DACS_ConfigProps';

const basic = (user, password) =>
  `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(`${user}:${password}`)))}`;

/** Whether two texts are the same, in a time that does not tell where they differ. */
async function isSame(left, right) {
  const digest = async (text) =>
    new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  const [a, b] = await Promise.all([digest(left), digest(right)]);
  return a.reduce((difference, byte, i) => difference | (byte ^ b[i]), 0) === 0;
}

function refusal(status, code, title, detail, headers = {}) {
  const body = { type: 'about:blank', title, detail, 'o:errorCode': String(status),
    'o:errorDetails': [{ type: 'about:blank', title, 'o:errorPath': '', 'o:errorCode': code }] };
  return Response.json(body, { status, headers });
}

function isTrigger(path) {
  const names = [manifest.identifier, ...manifest.aliases].map((name) => name.replaceAll(/[^\w-]/g, '')).join('|');
  return new RegExp(`^/ic/api/integration/v1/flows/(oracleutilities|rest)/(${names})/[0-9.]+${manifest.trigger.path}$`)
    .test(path);
}

/** The body, or null if it is longer than the manifest lets it be. */
async function readMessage(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > manifest.limits.input_bytes) return null;
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

async function answer(request, env) {
  if (!isTrigger(new URL(request.url).pathname)) return refusal(404, 'not_found', 'Not found', 'no flow is there');
  if (!env.SLUICE_USER || !env.SLUICE_PASSWORD || !env.CCS_URL) {
    return refusal(503, 'settings', 'Not set up', 'SLUICE_USER, SLUICE_PASSWORD and CCS_URL must be set');
  }
  const given = request.headers.get('Authorization') ?? '';
  if (!await isSame(given, basic(env.SLUICE_USER, env.SLUICE_PASSWORD))) {
    return refusal(401, 'unauthenticated', 'Not authenticated', 'no credentials, or wrong ones',
      { 'WWW-Authenticate': 'Basic realm="sluice"' });
  }
  if (request.method !== 'POST') {
    return refusal(405, 'method', 'Method not allowed', 'POST is expected', { Allow: 'POST' });
  }
  const message = await readMessage(request);
  if (!message) return refusal(413, 'limit', 'Too large', `more than ${manifest.limits.input_bytes} bytes`);
  const headers = env.CCS_USER ? { Authorization: basic(env.CCS_USER, env.CCS_PASSWORD ?? '') } : {};
  const done = await runFlow({
    module: flow, manifest, message, invokedBy: env.SLUICE_USER,
    connections: { [CCS]: { url: env.CCS_URL.replace(/\/$/, ''), headers } },
    lookups: { [CONFIG]: JSON.parse(env.CONFIG_PROPS || '{}') },
  });
  console.log(JSON.stringify({ instance: done.instance, status: done.status, tracked: done.tracked,
    fault: done.fault?.[0], log: done.log.trim() }));
  if (!done.answer) return refusal(500, done.fault?.[0] ?? 'internal', 'The flow failed', 'it gave no answer');
  return new Response(done.answer.bytes, {
    status: done.answer.status,
    headers: { 'Content-Type': done.answer.type, 'Sluice-Instance': done.instance },
  });
}

export default {
  async fetch(request, env) {
    try {
      return await answer(request, env);
    } catch (error) {
      console.error(error.message);
      return refusal(500, 'internal', 'Internal error', 'see the log of the worker');
    }
  },
};
