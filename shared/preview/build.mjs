// SPDX-License-Identifier: MIT
// Puts the page together: build.mjs MODULE.wasm DOCS/mapping.md ACK/mapping.json OUTPUT.html
// One file without anything outside of it, so that it works from a disk, under a policy that lets only what
// was in it at this moment run.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [modulePath, docsPath, acknowledgementPath, outputPath] = process.argv.slice(2);
const beside = (name) => readFileSync(fileURLToPath(new URL(name, import.meta.url)), 'utf8');
const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
/* In a page, "</script" and "<!--" would end or change a script. */
const inScript = (text) => text.replaceAll('<', '\\u003c');

/** The modules as one: what one exports, the next one sees. */
function bundle(names) {
  return names.map((name) => beside(name).replaceAll(/^import .*;\n/gm, '').replaceAll(/^export /gm, ''))
    .join('\n');
}

/** The examples of the documentation, with the headings they stand under as names. */
function documented(text) {
  const found = [];
  let heading = '', part = '', example = null;
  for (const [, title, label, body] of text.matchAll(/^## (.*)$|^(\w+):\n\n```json\n([^]*?)```/gm)) {
    if (title) {
      heading = title;
      part = '';
    } else if (label === 'Mapping') {
      part = part ? part + 1 : 1;
      example = { name: part > 1 ? `${heading} (${part})` : heading, mapping: JSON.parse(body) };
      found.push(example);
    } else if (label !== 'Result') {
      example[label.toLowerCase()] = JSON.parse(body);
    }
  }
  return found;
}

const acknowledgement = {
  name: "The acknowledgement's own mapping",
  mapping: JSON.parse(readFileSync(acknowledgementPath, 'utf8')),
  message: {
    externalReferenceId: '48213377120455',
    boStatus: 'REJECTED',
    messageList: [{ messageCategory: 92001, messageNumber: 30, messageText: 'Contact is locked' }],
    pkValue1: '98765432101234',
    entity: 'CONTACT',
  },
};
const examples = [...documented(readFileSync(docsPath, 'utf8')), acknowledgement];

const style = beside('preview.css');
const script = bundle(['../js/wasi.mjs', 'places.mjs', 'preview.mjs']);
if (/<\/script|<!--/i.test(script)) throw new Error('the script holds what would end it');
const policy = ["default-src 'none'", `script-src ${hash(script)} 'wasm-unsafe-eval'`,
  `style-src ${hash(style)}`, "connect-src 'self'", "base-uri 'none'", "form-action 'none'"].join('; ');
const parts = {
  POLICY: policy,
  STYLE: style,
  EXAMPLES: inScript(JSON.stringify(examples)),
  MODULE: readFileSync(modulePath).toString('base64'),
  SCRIPT: script,
};
writeFileSync(outputPath, beside('preview.html').replaceAll(/@([A-Z]+)@/g, (_, name) => parts[name]));
