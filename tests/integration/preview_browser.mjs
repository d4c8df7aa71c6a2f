// SPDX-License-Identifier: MIT
// Drives the preview page in a headless Chromium: preview_browser.mjs CHROMIUM AREA ADDRESS [ARGUMENT...]
// Prints what it checked; any failure ends it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import puppeteer from 'puppeteer-core';

const [chromium, area, address, ...rest] = process.argv.slice(2);
const browser = await puppeteer.launch({
  executablePath: chromium, headless: true,
  // Root has no user namespaces to make its sandbox from; the page is ours.
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
});

/** A page that remembers what went wrong in it and what it asked for. */
async function open(prepare = async () => {}) {
  const context = await browser.createBrowserContext(); // of its own, so that no login is remembered
  const page = await context.newPage();
  page.problems = [];
  page.requests = [];
  page.on('console', (line) => line.type() === 'error' && page.problems.push(line.text()));
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('request', (request) => page.requests.push(request.url()));
  await prepare(page);
  page.answer = await page.goto(address, { waitUntil: 'load' });
  await settled(page, 'Mapped');
  return page;
}

const text = (page, id) => page.$eval(`#${id}`, (node) => node.textContent);
const settled = (page, state) => page.waitForFunction(
  (wanted) => document.getElementById('state').textContent === wanted, { timeout: 30000 }, state);

async function fill(page, id, value) {
  await page.$eval(`#${id}`, (node, given) => {
    node.value = given;
    node.dispatchEvent(new Event('input', { bubbles: true }));
    document.getElementById('state').textContent = 'waiting';
  }, value);
}

const list = (page, id) => page.$$eval(`#${id} > li`, (nodes) => nodes.map((node) => node.textContent));

async function page() {
  const page = await open();
  await fill(page, 'mapping', JSON.stringify({ mapping: 1, rules: [
    { rule: 'rename', from: '/a', to: '/b' }, { rule: 'constant', value: 1, to: '/c' }] }));
  await fill(page, 'message', '{"a": "x", "c": 0}');
  await settled(page, 'Mapped');
  assert.deepEqual(JSON.parse(await text(page, 'result')), { c: 1, b: 'x' });
  assert.deepEqual(await list(page, 'differences'), ['removed /a: "x"', 'changed /c: 0 → 1', 'added /b: "x"']);
  assert.deepEqual(await list(page, 'errors'), ['none']);
  console.log('ok result and differences');

  await fill(page, 'mapping', '{"mapping": 1, "rules": [{"rule": "repeat", "in": "/l", "rules": [{"rule": "cop"}]}, 5]}');
  await settled(page, '2 errors');
  assert.deepEqual(await list(page, 'errors'), ['rule 1.1: "cop" is not a rule; did you mean "copy"?',
    'rule 2: must be an object with a "rule", as {"rule": "copy", "from": "/a", "to": "/b"}']);
  assert.equal(await text(page, 'result'), '');
  await page.click('#errors button');
  assert.equal(await page.$eval('#mapping', (node) => node.value.slice(node.selectionStart, node.selectionEnd)),
    '{"rule": "cop"}');
  console.log('ok errors lead to their rule');

  await fill(page, 'mapping', '{"mapping": 1,');
  await settled(page, '1 error');
  assert.match((await list(page, 'errors'))[0], /^mapping: is not JSON: /);
  await fill(page, 'mapping', '{"mapping": 1, "rules": []}');
  await fill(page, 'message', '{"id": 1234567890123456789}');
  await settled(page, '1 error');
  assert.match((await list(page, 'errors'))[0], /^message: the number 1234567890123456789 has more digits/);
  await fill(page, 'mapping', '{"mapping":1,"rules":[]},"message":{}');
  await settled(page, '2 errors').catch(() => settled(page, '1 error'));
  assert.match((await list(page, 'errors'))[0], /^mapping: is not JSON/);
  console.log('ok what cannot be read');

  await fill(page, 'mapping', JSON.stringify({ mapping: 1, start: 'empty', rules: [{ rule: 'repeat', from: '/l',
    to: '/l', items_max: 1, rules: [{ rule: 'copy', from: '', to: '' }] }] }));
  await fill(page, 'message', '{"l": ["<img src=x onerror=alert(1)>", 2]}');
  await settled(page, 'Mapped');
  assert.deepEqual(await list(page, 'errors'), ['rule 1 (repeat): only 1 elements are taken, the others are left out']);
  assert.equal((await page.$$('main img')).length, 0);
  console.log('ok notes, and text that is no markup');

  assert.deepEqual(page.problems, []);
  assert.deepEqual(page.requests.filter((url) => !url.startsWith('blob:')), [address]);
  console.log('ok no resource from elsewhere, nothing against the policy');
}

/** The documentation's examples: the page's module gives what the other one gives. */
async function examples() {
  const docs = readFileSync(rest[0], 'utf8');
  const results = [...docs.matchAll(/^(Result|Error):\n\n```\w+\n([^]*?)```/gm)].map((found) => [found[1], found[2]]);
  const page = await open();
  const count = await page.$$eval('#example option', (options) => options.length);
  assert.equal(count, results.length + 1);
  for (const [index, [kind, expected]] of results.entries()) {
    await page.$eval('#state', (node) => { node.textContent = 'waiting'; });
    await page.select('#example', String(index));
    await settled(page, kind === 'Error' ? '1 error' : 'Mapped');
    if (kind === 'Error') assert.equal((await list(page, 'errors')).join('\n') + '\n', expected);
    else assert.deepEqual(JSON.parse(await text(page, 'result')), JSON.parse(expected));
  }
  await page.select('#example', String(count - 1));
  await page.waitForFunction(() => document.getElementById('result').textContent.includes('48213377120455'));
  assert.equal(JSON.parse(await text(page, 'result')).exceptionInfo[0].messageNumber, 11001);
  assert.deepEqual(page.problems, []);
  console.log(`ok ${count} examples`);
}

async function keyboard() {
  const page = await open();
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.className);
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'skip');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  const reached = new Set();
  for (let i = 0; i < 14; i++) {
    reached.add(await focused());
    await page.keyboard.press('Tab');
  }
  for (const id of ['mapping-file', 'save', 'message', 'message-file', 'result']) assert.ok(reached.has(id), id);
  await page.focus('#mapping');
  await page.keyboard.down('Control');
  await page.keyboard.press('KeyA');
  await page.keyboard.up('Control');
  await page.$eval('#state', (node) => { node.textContent = 'waiting'; });
  await page.keyboard.type('{"mapping": 1, "start": "empty", "rules": [{"rule": "constant", "value": 7, "to": "/typed"}]}');
  await page.waitForFunction(() => document.getElementById('result').textContent.includes('typed'));
  await page.keyboard.press('Tab');
  assert.notEqual(await focused(), 'mapping', 'Tab leaves the field');
  const unnamed = await page.$$eval('textarea, select, input, button', (nodes) => nodes.filter(
    (node) => !(node.labels?.length || node.textContent.trim())).map((node) => node.id));
  assert.deepEqual(unnamed, [], 'every control has a name');
  console.log('ok by keyboard alone');
}

async function phone() {
  const page = await open((fresh) => fresh.setViewport({ width: 360, height: 640, isMobile: true, hasTouch: true }));
  const wide = '{"mapping": 1, "rules": [{"rule": "constant", "to": "/x", "value": "' + 'w'.repeat(400) + '"}]}';
  await fill(page, 'mapping', wide);
  await settled(page, 'Mapped');
  const sizes = await page.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    controls: [...document.querySelectorAll('button, select, summary, label.file')]
      .filter((node) => node.checkVisibility()).map((node) => node.getBoundingClientRect().height),
    font: parseFloat(getComputedStyle(document.getElementById('mapping')).fontSize),
  }));
  assert.ok(sizes.width <= 360, `${sizes.width} pixels wide`);
  assert.ok(Math.min(...sizes.controls) >= 44, `a control is ${Math.min(...sizes.controls)} pixels high`);
  assert.ok(sizes.font >= 16, 'a phone does not zoom into the field');
  console.log('ok on a phone');
}

async function file() {
  const page = await open();
  await page.click('#recorded summary');
  assert.match(await text(page, 'recorded-state'), /opened as a file/);
  assert.equal(await page.$eval('#list', (node) => node.checkVisibility()), false);
  console.log('ok as a file');
}

/** Logged in as one of USER:PASSWORD; what the section of recorded messages says. */
async function recorded() {
  const [monitor, other, id] = rest;
  const login = (credentials) => async (fresh) => {
    const [username, password] = credentials.split(':');
    await fresh.authenticate({ username, password });
  };
  let page = await open(login(other));
  assert.match(page.answer.headers()['content-security-policy'], /frame-ancestors 'none'/);
  await page.click('#recorded summary');
  await page.click('#list');
  await page.waitForFunction(() => document.getElementById('recorded-state').textContent.includes('role monitor'));
  console.log('ok refused to who may not monitor');
  await page.close();

  page = await open(login(monitor));
  await page.click('#recorded summary');
  await page.click('#list');
  await page.waitForFunction(() => document.getElementById('instances').options.length > 1);
  await page.select('#instances', id);
  await page.waitForFunction(() => document.getElementById('message').value.includes('recorded-by-sluice'));
  assert.match(await text(page, 'recorded-state'), new RegExp(`The message of ${id}`));
  const none = await page.$$eval('#instances option', (options, known) =>
    options.map((option) => option.value).find((value) => value && value !== known), id);
  await page.select('#instances', none);
  await page.waitForFunction(() => document.getElementById('recorded-state').textContent.includes('no message is kept'));
  console.log('ok recorded messages');
}

try {
  await { page, examples, keyboard, phone, file, recorded }[area]();
} finally {
  await browser.close();
}
