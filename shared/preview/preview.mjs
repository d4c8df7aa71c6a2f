// SPDX-License-Identifier: MIT
// The page that previews mappings: what is typed is mapped at once by the module that is inside the page.
import { runProgram } from '../js/wasi.mjs';
import { differences, placeOfRule } from './places.mjs';

const DELAY_MS = 120; // after the last key
const DIFFERENCES_MAX = 200;
const API = '/ic/api/integration/v1/monitoring/instances';

const element = (id) => document.getElementById(id);
const mapping = element('mapping'), message = element('message'), lookups = element('lookups');
const examples = JSON.parse(element('examples').textContent);
const isServed = location.protocol.startsWith('http');
let module;

const decode = (base64) => Uint8Array.from(atob(base64.trim()), (c) => c.charCodeAt(0));
const show = (value) => JSON.stringify(value, null, 2);

/** The text of one field if it is JSON; else it is told as an error. */
function read(field, name, errors) {
  try {
    JSON.parse(field.value);
    return field.value;
  } catch (error) {
    errors.push(`${name}: is not JSON: ${error.message}`);
    return null;
  }
}

function item(list, text, kind) {
  const entry = document.createElement('li');
  if (kind) entry.className = kind;
  entry.textContent = text;
  list.append(entry);
  return entry;
}

function select([begin, end]) {
  mapping.focus();
  mapping.setSelectionRange(begin, end);
  const lines = mapping.value.slice(0, begin).split('\n').length - 1;
  mapping.scrollTop = lines * parseFloat(getComputedStyle(mapping).lineHeight) - mapping.clientHeight / 3;
}

/** Errors that name a rule lead to it. */
function showErrors(errors, notes) {
  const list = element('errors');
  list.replaceChildren();
  for (const error of errors) {
    let place = null;
    try {
      JSON.parse(mapping.value);
      place = placeOfRule(mapping.value, error);
    } catch { /* there is no rule in what is not JSON */ }
    const entry = item(list, place ? '' : error);
    if (!place) continue;
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = error;
    button.addEventListener('click', () => select(place));
    entry.append(button);
  }
  for (const note of notes) item(list, note, 'note');
  if (!errors.length && !notes.length) item(list, 'none', 'note');
}

function showDifferences(before, after) {
  const list = element('differences');
  list.replaceChildren();
  const found = differences(before, after, DIFFERENCES_MAX);
  for (const { kind, path, before: old, after: now } of found.slice(0, DIFFERENCES_MAX)) {
    const place = path || '(the whole)', from = JSON.stringify(old), to = JSON.stringify(now);
    item(list, kind === 'added' ? `added ${place}: ${to}`
      : kind === 'removed' ? `removed ${place}: ${from}` : `changed ${place}: ${from} → ${to}`, kind);
  }
  if (found.length > DIFFERENCES_MAX) item(list, `… only the first ${DIFFERENCES_MAX} are shown`);
  if (!found.length) item(list, 'none');
}

function showNothing(errors) {
  element('result').textContent = '';
  element('differences').replaceChildren();
  showErrors(errors, []);
  element('state').textContent = errors.length === 1 ? '1 error' : `${errors.length} errors`;
}

async function run() {
  const errors = [];
  const texts = { mapping: read(mapping, 'mapping', errors), message: read(message, 'message', errors) };
  if (lookups.value.trim()) texts.lookups = read(lookups, 'lookups', errors);
  if (errors.length) return showNothing(errors);
  const input = Object.entries(texts).map(([name, text]) => `"${name}":${text}`).join(',');
  let done;
  try {
    done = await runProgram(module, new TextEncoder().encode(`{${input}}`));
  } catch (error) {
    return showNothing([`the mapping was stopped: ${error.message}`]);
  }
  const lines = new TextDecoder().decode(done.stderr).split('\n').filter(Boolean);
  if (done.status !== 0) return showNothing(lines);
  const result = JSON.parse(new TextDecoder().decode(done.stdout));
  element('result').textContent = show(result);
  showDifferences(JSON.parse(message.value), result);
  showErrors([], lines);
  element('state').textContent = 'Mapped';
}

/* One run at a time; what was typed meanwhile is run after it. */
let timer, running = false, isStale = false;
async function refresh() {
  isStale = true;
  if (running) return;
  running = true;
  while (isStale) {
    isStale = false;
    await run();
  }
  running = false;
}

function refreshSoon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, DELAY_MS);
}

function useExample(index) {
  const example = examples[index];
  mapping.value = show(example.mapping);
  message.value = show(example.message);
  lookups.value = example.lookups ? show(example.lookups) : '';
  refreshSoon();
}

function openInto(input, field) {
  input.addEventListener('change', async () => {
    if (!input.files.length) return;
    field.value = await input.files[0].text();
    input.value = '';
    refreshSoon();
  });
}

function save() {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([mapping.value], { type: 'application/json' }));
  link.download = 'mapping.json';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/* ---- recorded messages: of the server that the page came from, for whoever may monitor it ---- */

const refusals = {
  401: 'You are not logged in, or the server does not know you.',
  403: 'You need the role monitor to see recorded messages.',
  404: 'Of this instance no message is kept: messages are kept while tracing is at the level debug, and '
    + 'as long as an instance may have to be run again.',
};

async function ask(address) {
  const answer = await fetch(address, { credentials: 'same-origin', cache: 'no-store' });
  if (answer.ok) return answer;
  throw new Error(refusals[answer.status] ?? `The server answered with status ${answer.status}.`);
}

async function tell(task) {
  const state = element('recorded-state');
  state.textContent = 'Asking the server…';
  try {
    state.textContent = await task();
  } catch (error) {
    state.textContent = error instanceof TypeError ? 'The server cannot be reached.' : error.message;
  }
}

async function listInstances() {
  const query = new URLSearchParams({ q: "{timewindow:'RETENTIONPERIOD'}", limit: '50' });
  const { items } = await (await ask(`${API}?${query}`)).json();
  const choice = element('instances');
  choice.replaceChildren(new Option('choose one', ''));
  for (const instance of items) {
    choice.append(new Option(`${instance.date ?? ''} ${instance.integrationName ?? ''} ${instance.status} ${instance.id}`,
      instance.id));
  }
  return items.length ? `${items.length} instances, the newest first.` : 'There is no instance yet.';
}

async function takeMessage() {
  const id = element('instances').value;
  if (!id) return '';
  const text = await (await ask(`messages/${encodeURIComponent(id)}`)).text();
  try {
    message.value = show(JSON.parse(text));
  } catch {
    message.value = text;
  }
  refreshSoon();
  return `The message of ${id}.`;
}

function begin() {
  examples.forEach((example, index) => element('example').append(new Option(example.name, index)));
  element('example').addEventListener('change', (event) => useExample(Number(event.target.value)));
  for (const field of [mapping, message, lookups]) field.addEventListener('input', refreshSoon);
  openInto(element('mapping-file'), mapping);
  openInto(element('message-file'), message);
  element('save').addEventListener('click', save);
  element('list').addEventListener('click', () => tell(listInstances));
  element('instances').addEventListener('change', () => tell(takeMessage));
  if (!isServed) {
    element('recorded-choice').hidden = true;
    element('recorded-state').textContent =
      'This page was opened as a file. Open it from a server (sluice serve, /preview/) to pick recorded '
      + 'messages, or paste what "sluice show ID --payload" prints.';
  }
  useExample(0);
}

module = await WebAssembly.compile(decode(element('module').textContent));
begin();
