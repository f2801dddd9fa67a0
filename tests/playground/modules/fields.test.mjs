import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editRule, load, model } from './load.mjs';

const { fieldsOf, requestOf, valuesOf } = await load('fields');
const { operationOf } = await load('operations');
const { shapes, sizeOf } = await load('sizes');

const PIXELS = { mode: 'Pixels', accepts_auto: true, multiple_of: 16, max_edge: 3840, min_pixels: 655360, max_pixels: 8294400, max_aspect_ratio: '3:1' };
const RATIOS = { mode: 'AspectRatio', ratios: { '16:9': '1376x768', '1:1': '1024x1024' }, resolutions: ['1K', '2K', '4K'] };

const fieldsFor = (canvas, operation = 'generation') => fieldsOf(canvas, operationOf(canvas, operation));
const names = (changes) => fieldsFor(model(changes)).map((field) => field.name);
const field = (name, changes) => fieldsFor(model(changes)).find((each) => each.name === name);
const asked = (canvas, prompt, values, operation = 'generation') => requestOf(canvas, operationOf(canvas, operation), prompt, values);
const EDITS = { edit: editRule() };

test('a model that takes nothing is asked for nothing but size, number and format', () => {
  assert.deepEqual(names(), ['shape', 'n', 'output_format', 'output_compression']);
});

test('a model without sizes has no choice of them', () => {
  assert.equal(field('shape', { size: { mode: 'None' } }), undefined);
  assert.equal(sizeOf({ mode: 'None' }, {}), undefined);
});

test('each of the provider\'s own values is offered once', () => {
  const values = { auto: 'auto', low: 'low', high: 'high', hd: 'high', premium: 'high' };
  const { options } = field('quality', { parameters: { quality: { handling: 'Map', values } } });
  assert.deepEqual(options, [
    { value: '', label: 'Auto' }, { value: 'low', label: 'Low' }, { value: 'high', label: 'High' },
  ]);
});

test('qualities go from the least to the most, however the catalog has them', () => {
  const values = { high: 'high', low: 'low', max: 'max', medium: 'medium', xhigh: 'xhigh' };
  const { options } = field('quality', { parameters: { quality: { handling: 'Map', values } } });
  assert.deepEqual(options.map(({ value }) => value), ['', 'low', 'medium', 'high', 'xhigh', 'max']);
});

test('a value that clients have another word for is offered by that word', () => {
  const { options } = field('quality', { parameters: { quality: { handling: 'Map', values: { hd: '2' } } } });
  assert.deepEqual(options.map(({ value }) => value), ['', 'hd']);
});

test('previews are offered where a model has them', () => {
  const { options, initial } = field('partial_images', { limits: { max_images_per_request: 1, max_partial_images: 3 } });
  assert.deepEqual(options.map(({ value }) => value), [0, 1, 2, 3]);
  assert.equal(initial, 2);
});

test('sizes within bounds are presets that fit, auto, and one\'s own', () => {
  assert.deepEqual(shapes({ ...PIXELS, max_pixels: 1048576 }).map(({ value }) => value), ['1024x1024', 'auto', 'custom']);
  assert.equal(sizeOf(PIXELS, { shape: 'custom', width: 1280, height: 720 }), '1280x720');
});

test('a ratio and a resolution are a size, as the gateway counts it', () => {
  assert.equal(sizeOf(RATIOS, { shape: '16:9', resolution: '1K' }), '1376x768');
  assert.equal(sizeOf(RATIOS, { shape: '16:9', resolution: '2K' }), '2752x1536');
  assert.equal(sizeOf({ ...RATIOS, resolutions: undefined }, { shape: '1:1' }), '1024x1024');
});

test('another model keeps the values that it has, too', () => {
  const seed = { handling: 'Clamp', minimum: 0, maximum: 9 };
  const fields = fieldsFor(model({ parameters: { seed } }));
  const values = valuesOf(fields, { shape: '1536x1024', n: 99, seed: 4, style: 'vivid' });
  assert.deepEqual([values.shape, values.n, values.seed, 'style' in values], ['1536x1024', 1, 4, false]);
});

test('a request has the values of the form, and nothing else', () => {
  const canvas = model({ parameters: { negative_prompt: { handling: 'Accept' } } });
  const values = { ...valuesOf(fieldsFor(canvas)), n: 2 };
  assert.deepEqual(asked(canvas, 'a fox', values), { model: 'canvas', prompt: 'a fox', n: 2, size: '1024x1024' });
});

test('only a lossy format is compressed', () => {
  const values = { ...valuesOf(fieldsFor(model())), output_compression: 80 };
  assert.equal(asked(model(), 'x', { ...values, output_format: 'png' }).output_compression, undefined);
  assert.equal(asked(model(), 'x', { ...values, output_format: 'webp' }).output_compression, 80);
});

test('an edit has the size of the first image unless another one is chosen', () => {
  const canvas = model({ operations: EDITS });
  const values = valuesOf(fieldsFor(canvas, 'edit'));
  assert.deepEqual(asked(canvas, 'a fox', values, 'edit'), { model: 'canvas', prompt: 'a fox', n: 1 });
  assert.equal(asked(canvas, 'a fox', { ...values, shape: '1536x1024' }, 'edit').size, '1536x1024');
});

test('an operation without a prompt sends none', () => {
  const canvas = model({ operations: { edit: editRule({ prompt: 'None' }) } });
  assert.equal('prompt' in asked(canvas, 'a fox', valuesOf(fieldsFor(canvas, 'edit')), 'edit'), false);
});

test('edits have the parameters that only the provider has, in its own nesting', () => {
  const canvas = model({ operations: EDITS, provider_parameters: { search_prompt: [], params: ['colors', 'grow', 'mask', 'negativeText'] } });
  const own = fieldsFor(canvas, 'edit').filter(({ kind }) => kind === 'word');
  assert.deepEqual(own.map(({ name, label, fine }) => [name, label, fine]), [
    ['search_prompt', 'Search prompt', false], ['params.colors', 'Colors', false],
    ['params.grow', 'Grow', true], ['params.mask', 'Mask', true],
  ]);
  const words = { search_prompt: 'the dog', 'params.colors': '#fff, #000', 'params.grow': '', 'params.mask': '{"x": 1}' };
  const body = asked(canvas, 'a fox', { ...valuesOf(fieldsFor(canvas, 'edit')), ...words }, 'edit');
  assert.deepEqual([body.search_prompt, body.params], ['the dog', { colors: ['#fff', '#000'], mask: { x: 1 } }]);
});
