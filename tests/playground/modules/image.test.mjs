import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { formatOf, opened } = await load('image');

const base64 = (text) => Buffer.from(text).toString('base64');

test('the format is what the first bytes say', () => {
  const starts = { png: [0x89, 0x50, 0x4e, 0x47], jpeg: [0xff, 0xd8, 0xff], webp: [0x52, 0x49, 0x46, 0x46], gif: [0x47, 0x49, 0x46, 0x38] };
  for (const [format, bytes] of Object.entries(starts)) assert.equal(formatOf(Uint8Array.from(bytes)), format);
  assert.equal(formatOf(new TextEncoder().encode('<svg/>')), 'svg');
  assert.equal(formatOf(new TextEncoder().encode('hello')), null);
});

for (const [name, text] of [['an SVG', '<svg><script>alert(1)</script></svg>'], ['what has no known format', 'hello']]) {
  test(`${name} is a file to save, and never shown`, async () => {
    const { url, bytes, isShown } = await opened(base64(text));
    assert.equal(isShown, false);
    assert.equal(bytes, text.length);
    const { type } = await (await fetch(url)).blob();
    assert.equal(type, 'application/octet-stream');
    URL.revokeObjectURL(url);
  });
}
