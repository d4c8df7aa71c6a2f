// SPDX-License-Identifier: MIT
// Where things are in JSON text, and in what two values differ. Pure.

/** Skips white space from at on. */
const skip = (text, at) => {
  while (' \t\r\n'.includes(text[at]) && at < text.length) at++;
  return at;
};

const endOfString = (text, at) => {
  for (at++; text[at] !== '"'; at++) if (text[at] === '\\') at++;
  return at + 1;
};

/** The end of the value that begins at at, in text that is valid JSON. */
const endOfValue = (text, at) => {
  if (text[at] === '"') return endOfString(text, at);
  if (!'[{'.includes(text[at])) {
    while (at < text.length && !',]} \t\r\n'.includes(text[at])) at++;
    return at;
  }
  let depth = 0;
  do {
    if (text[at] === '"') {
      at = endOfString(text, at);
      continue;
    }
    if ('[{'.includes(text[at])) depth++;
    if (']}'.includes(text[at])) depth--;
    at++;
  } while (depth > 0);
  return at;
};

/** Begin of the member name (a string) or of the element (a number) of the value at at; -1: there is none. */
const child = (text, at, name) => {
  const isArray = text[at] === '[';
  if (text[at] !== (typeof name === 'number' ? '[' : '{')) return -1;
  at = skip(text, at + 1);
  for (let index = 0; text[at] !== ']' && text[at] !== '}'; index++) {
    let key = index;
    if (!isArray) {
      const end = endOfString(text, at);
      key = JSON.parse(text.slice(at, end));
      at = skip(text, skip(text, end) + 1);
    }
    if (key === name) return at;
    at = skip(text, endOfValue(text, at));
    if (text[at] === ',') at = skip(text, at + 1);
  }
  return -1;
};

/**
 * Where the rule of an error ("rule 3.else.2 (copy): ...") is in a mapping: [begin, end], or null. text is
 * valid JSON.
 */
export function placeOfRule(text, error) {
  const label = /^rule ([\d.a-z]+)/.exec(error)?.[1];
  if (!label) return null;
  let at = child(text, skip(text, 0), 'rules'), list = true;
  for (const part of label.split('.')) {
    if (at < 0) return null;
    if (part === 'else') {
      at = child(text, at, 'else');
      list = true;
      continue;
    }
    if (!list) {
      const rules = child(text, at, 'rules');
      at = rules >= 0 ? rules : child(text, at, 'then');
    }
    at = at < 0 ? -1 : child(text, at, Number(part) - 1);
    list = false;
  }
  return at < 0 ? null : [at, endOfValue(text, at)];
}

const isContainer = (value) => value !== null && typeof value === 'object';
const escapeName = (name) => String(name).replaceAll('~', '~0').replaceAll('/', '~1');

/**
 * In what after differs from before: [{kind: 'added' | 'removed' | 'changed', path, before, after}], in the
 * order of their paths, at most max + 1 of them.
 */
export function differences(before, after, max, path = '', found = []) {
  if (found.length > max) return found;
  if (isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const at = `${path}/${escapeName(name)}`;
      if (!Object.hasOwn(after, name)) found.push({ kind: 'removed', path: at, before: before[name] });
      else if (!Object.hasOwn(before, name)) found.push({ kind: 'added', path: at, after: after[name] });
      else differences(before[name], after[name], max, at, found);
      if (found.length > max) break;
    }
  } else if (before !== after) {
    found.push({ kind: 'changed', path, before, after });
  }
  return found;
}
