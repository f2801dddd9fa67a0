import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { editRule, load, model } from './load.mjs';

const { SNIPPETS, curlOf, literal, nodeOf, pythonOf, quoted } = await load('snippets');
const { operationOf } = await load('operations');

const request = (plain) => ({ operation: operationOf(model()), plain, images: [], mask: null });
const edit = (changes = {}, rule = {}) => ({
  operation: operationOf(model({ operations: { edit: editRule(rule) } }), 'edit'),
  plain: { model: 'canvas', prompt: '@home', n: 1 }, images: [{ name: 'my "fox".png' }], mask: null, ...changes,
});

const NASTY = ['plain', '', "it's", '"quoted" $HOME `id` \\n', 'two\nlines', '漢字 🦔', '-n', '!!', "'", '$(exit 1)'];

test('a shell reads back what was quoted', () => {
  for (const text of NASTY) {
    assert.equal(execFileSync('sh', ['-c', `printf %s ${quoted(text)}`], { encoding: 'utf8' }), text);
  }
});

test('Python reads back what was written', () => {
  const value = { texts: NASTY, yes: true, no: false, none: null, number: 12 };
  const program = `import json; print(json.dumps(${literal(value)}))`;
  assert.deepEqual(JSON.parse(execFileSync('python3', ['-c', program], { encoding: 'utf8' })), value);
});

test('a snippet names the key, and never has it', () => {
  const body = { model: 'canvas', prompt: "it's", n: 1 };
  for (const { write } of SNIPPETS) {
    const text = write(request(body), 'http://127.0.0.1:8080/');
    assert.match(text, /TINTYPE_API_KEY/);
    assert.doesNotMatch(text, /sk-/);
  }
});

test("what OpenAI's client has no argument for goes into the extra body", () => {
  const text = pythonOf(request({ model: 'canvas', prompt: 'x', seed: 7, quality: 'low' }), 'http://host/images/');
  assert.match(text, /base_url="http:\/\/host\/images\/v1"/);
  assert.match(text, /^ {4}quality="low",$/m);
  assert.match(text, /^ {4}extra_body=\{"seed": 7\},$/m);
});

test('curl sends texts as they are, and files by their names', () => {
  const text = curlOf(edit({ mask: {} }), 'http://host/');
  assert.match(text, /^curl .* http:\/\/host\/v1\/images\/edits \\$/m);
  assert.match(text, /^ {2}--form-string prompt=@home \\$/m);
  assert.ok(text.includes(`  -F 'image[]=@"my \\"fox\\".png"' \\\n  -F 'mask=@"mask.png"' \\\n`));
});

test("Python calls the client's own method where it has the arguments, and its path otherwise", () => {
  assert.match(pythonOf(edit(), 'http://host/'), /client\.images\.edit\(\n {4}image=open\("my \\"fox\\"\.png", "rb"\),$/m);
  const { prompt, ...unprompted } = edit().plain;
  assert.match(pythonOf(edit({ plain: unprompted }), 'http://host/'), /client\.post\(\n {4}"\/images\/edits",$/m);
});

test('a program for Node.js is one, and has a list where there are several images', () => {
  const text = nodeOf(edit({ images: [{ name: 'a.png' }, { name: 'b.png' }], mask: {} }), 'http://host/');
  execFileSync('node', ['--check', '--input-type=module', '-'], { input: text });
  assert.match(text, /image: \[createReadStream\("a\.png"\), createReadStream\("b\.png"\)\],/);
  assert.match(text, /mask: createReadStream\('mask\.png'\),/);
});
