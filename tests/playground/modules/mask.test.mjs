import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { load } from './load.mjs';

const { beginStroke, clear, continueStroke, createMask, invert, isPainted, share, undo } = await load('mask');
const { pngOf } = await load('png');

/** Return the painted pixels as a text of rows, so that a failure shows them. */
const shown = ({ width, pixels }) => Array.from(pixels, (value, index) => '.#'[value] + ((index + 1) % width ? '' : '\n')).join('');

/** Return whether each pixel's middle is within the radius of a line, by the plain formula. */
function expected({ width, height }, [x0, y0], [x1, y1], radius) {
  const isNear = (x, y) => {
    const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
    const part = length && Math.min(1, Math.max(0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length));
    return Math.hypot(x - x0 - part * (x1 - x0), y - y0 - part * (y1 - y0)) <= radius;
  };
  return Uint8Array.from({ length: width * height }, (_, index) => Number(isNear((index % width) + 0.5, Math.floor(index / width) + 0.5)));
}

test('a stroke paints the pixels within its radius, and no others', () => {
  const lines = [[[5.2, 5.1], [5.2, 5.1]], [[3.3, 4.1], [24.7, 13.9]], [[-4, 9], [12.1, 9]], [[20, 2.2], [20, 40]], [[28.6, 1.3], [2.1, 17.8]]];
  for (const [from, to] of lines) {
    const mask = createMask(30, 20);
    beginStroke(mask, from, 3.17);
    continueStroke(mask, to);
    assert.equal(shown(mask), shown({ ...mask, pixels: expected(mask, from, to, 3.17) }), `${from} to ${to}`);
  }
});

test('erasing, inverting and clearing are taken back one by one', () => {
  const mask = createMask(30, 20);
  const states = [shown(mask)];
  const steps = [
    () => beginStroke(mask, [10, 10], 6), () => beginStroke(mask, [12, 10], 3, true),
    () => invert(mask), () => clear(mask), () => beginStroke(mask, [1, 1], 2),
  ];
  for (const step of steps) states.unshift((step(), shown(mask)));
  for (const state of states.slice(1)) {
    undo(mask);
    assert.equal(shown(mask), state);
  }
  assert.equal(new Set(states).size, 5); // the mask is empty at first and once it is cleared
});

test('what is painted is told as a share, and by its place', () => {
  const mask = createMask(10, 10);
  assert.equal(share(mask), 0);
  beginStroke(mask, [5, 5], 1);
  assert.equal(share(mask), 0.04);
  assert.deepEqual([isPainted(mask, [5.9, 5.9]), isPainted(mask, [6.1, 5])], [true, false]);
  invert(mask);
  assert.equal(share(mask), 0.96);
});

test('a mask as a PNG is black, and transparent where it is painted', async () => {
  const mask = createMask(3, 2);
  mask.pixels.set([0, 1, 0, 1, 1, 0]);
  const bytes = Buffer.from(await (await pngOf(mask)).arrayBuffer());
  assert.equal(bytes.subarray(12, 29).toString('hex'), Buffer.from('IHDR\0\0\0\x03\0\0\0\x02\x08\x04\0\0\0', 'latin1').toString('hex'));
  const rows = inflateSync(bytes.subarray(41, bytes.length - 16));
  assert.deepEqual([...rows], [0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255]);
});
