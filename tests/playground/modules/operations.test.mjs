import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editRule, load, model } from './load.mjs';

const { described, missing, operationOf, operationsOf, takesImages } = await load('operations');
const { bodyOf } = await load('api');

const edits = (changes) => operationOf(model({ operations: { edit: editRule(changes) } }), 'edit');

test('a model offers the operations that it has', () => {
  const able = model({ operations: { variation: editRule(), generation: { prompt: 'Required' } } });
  assert.deepEqual(operationsOf(able).map(({ name }) => name), ['generation', 'variation']);
  assert.equal(operationOf(able, 'edit').name, 'generation');
  assert.deepEqual(operationsOf(able).map(takesImages), [false, true]);
});

test('what is missing of a request is told by its field', () => {
  const asked = { prompt: 'x', images: 1, hasMask: false };
  assert.deepEqual(missing(edits(), asked), {});
  assert.deepEqual(missing(edits(), { ...asked, prompt: '' }), { prompt: 'Say what should change.' });
  assert.deepEqual(missing(edits({ prompt: 'Optional' }), { ...asked, prompt: '' }), {});
  assert.deepEqual(missing(edits({ mask: 'Required' }), asked), { mask: 'Paint what should change.' });
  assert.deepEqual(missing(edits({ mask: 'Required' }), { ...asked, hasMask: true }), {});
  assert.deepEqual(missing(edits({ min_images: 2, max_images: 2 }), asked), { image: 'Choose 2 images.' });
  assert.deepEqual(missing(edits(), { ...asked, images: 3 }), { image: 'This model takes 1 image: remove 2.' });
});

test('how many images of which formats are taken is said in words', () => {
  assert.equal(described(edits()), '1 image. The model takes PNG, JPEG.');
  assert.equal(described(edits({ max_images: 16, input_formats: ['webp', 'heic'] })), '1 to 16 images. The model takes WebP, HEIC.');
  assert.equal(described(edits({ min_images: 2, max_images: 2 })), '2 images. The model takes PNG, JPEG.');
});

test('a request with images is a form, with its files in their order', async () => {
  const images = ['one', 'two'].map((name) => ({ name, file: new Blob([name]) }));
  const body = { n: 2, stream: true, params: { colors: ['#fff', '#000'], mask: { x: 1 } } };
  const form = await bodyOf({ operation: edits({ max_images: 2 }), body, images, mask: Promise.resolve(new Blob(['mask'])) });
  const texts = await Promise.all([...form].map(async ([name, value]) => [name, typeof value === 'string' ? value : await value.text()]));
  assert.deepEqual(texts, [
    ['n', '2'], ['stream', 'true'], ['params[colors][]', '#fff'], ['params[colors][]', '#000'],
    ['params[mask][x]', '1'], ['image[]', 'one'], ['image[]', 'two'], ['mask', 'mask'],
  ]);
  assert.equal(await bodyOf({ operation: operationOf(model()), body, images: [], mask: null }), JSON.stringify(body));
});
