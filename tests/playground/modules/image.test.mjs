import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { formatOf, isTurnedWebp, opened } = await load('image');

test('the format is what the first bytes say', () => {
  const starts = { png: [0x89, 0x50, 0x4e, 0x47], jpeg: [0xff, 0xd8, 0xff], webp: [0x52, 0x49, 0x46, 0x46], gif: [0x47, 0x49, 0x46, 0x38] };
  for (const [format, bytes] of Object.entries(starts)) assert.equal(formatOf(Uint8Array.from(bytes)), format);
  assert.equal(formatOf(new TextEncoder().encode('<svg/>')), 'svg');
  assert.equal(formatOf(new TextEncoder().encode('hello')), null);
});

for (const [name, text] of [['an SVG', '<svg><script>alert(1)</script></svg>'], ['what has no known format', 'hello']]) {
  test(`${name} is a file to save, and never shown`, async () => {
    const { url, bytes, isShown } = await opened(new Blob([text], { type: 'image/svg+xml' }));
    assert.equal(isShown, false);
    assert.equal(bytes, text.length);
    const { type } = await (await fetch(url)).blob();
    assert.equal(type, 'application/octet-stream');
    URL.revokeObjectURL(url);
  });
}

/** Return a WebP as far as its chunks go, with an orientation in its metadata. */
function webp(orientation, { prefix = '', isLittle = true, length = 26 } = {}) {
  const tiff = new DataView(new ArrayBuffer(26));
  tiff.setUint16(0, isLittle ? 0x4949 : 0x4d4d);
  [[2, 42], [8, 1], [10, 0x0112], [12, 3], [18, orientation]].forEach(([at, value]) => tiff.setUint16(at, value, isLittle));
  tiff.setUint32(4, 8, isLittle);
  tiff.setUint32(14, 1, isLittle);
  const exif = Buffer.concat([Buffer.from(prefix, 'latin1'), Buffer.from(tiff.buffer, 0, length)]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(exif.length);
  return Uint8Array.from(Buffer.concat([Buffer.from('RIFF....WEBPVP8L\x03\0\0\0abc\0EXIF', 'latin1'), size, exif]));
}

test('the metadata of a WebP say whether it is turned', () => {
  assert.deepEqual([1, 3, 6].map((orientation) => isTurnedWebp(webp(orientation))), [false, true, true]);
  assert.equal(isTurnedWebp(webp(8, { prefix: 'Exif\0\0', isLittle: false })), true);
  assert.equal(isTurnedWebp(webp(6, { length: 15 })), false);
  assert.equal(isTurnedWebp(webp(6).subarray(0, 24)), false);
});
