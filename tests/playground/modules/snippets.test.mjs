import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { load } from './load.mjs';

const { curlOf, literal, pythonOf, quoted } = await load('snippets');

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
  for (const text of [curlOf(body, 'http://127.0.0.1:8080/'), pythonOf(body, 'http://127.0.0.1:8080/')]) {
    assert.match(text, /TINTYPE_API_KEY/);
    assert.doesNotMatch(text, /sk-/);
  }
});

test("what OpenAI's client has no argument for goes into the extra body", () => {
  const text = pythonOf({ model: 'canvas', prompt: 'x', seed: 7, quality: 'low' }, 'http://host/images/');
  assert.match(text, /base_url="http:\/\/host\/images\/v1"/);
  assert.match(text, /^ {4}quality="low",$/m);
  assert.match(text, /^ {4}extra_body=\{"seed": 7\},$/m);
});
