import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, model } from './load.mjs';

const { badges, filtered, offered, sorted, spoken } = await load('catalog');
const { bytes, credits, usd } = await load('money');
const { priceOf } = await load('prices');
const { ApiError, ConnectionError, explain } = await load('advice');
const { decoded, fileName, formatOf } = await load('image');

test('credits and dollars have the digits that they need', () => {
  assert.equal(credits(640_000), '0.64 credits');
  assert.equal(credits(1_000_000), '1 credit');
  assert.equal(credits(995_984_123), '995.98 credits');
  assert.equal(credits(1), '<0.0001 credits');
  assert.equal(usd(640_000, 16_000_000), '$0.04');
  assert.equal(usd(174_080, 16_000_000), '$0.0109');
  assert.equal(usd(32_000_000, 16_000_000), '$2.00');
  assert.equal(bytes(1_234_567), '1.2 MB');
});

test('a price is one, a range, an estimate, or that of tokens', () => {
  const tokens = { type: 'per_token', per_million_tokens: { image_output: '40' } };
  const price = (cost) => Object.values(priceOf(cost)).join(' ');
  assert.equal(price({ type: 'per_image', usd: '0.040' }), '$0.04 an image');
  assert.equal(price({ type: 'per_image_by_size', prices: [{ usd: '0.02' }, { usd: '0.016' }] }), '$0.016 – $0.02 an image');
  assert.equal(price({ ...tokens, output_tokens: { table: [{ tokens: 272 }, { tokens: 6240 }] } }), '≈ $0.011 – $0.25 an image');
  assert.equal(price({ ...tokens, output_tokens: { factors: { low: 16, high: 96 } } }), '≈ $0.0078 – $0.28 an image');
  assert.equal(price({ ...tokens, output_tokens: {} }), '$40.00 a million image tokens');
  assert.equal(priceOf(null).amount, 'No price');
});

test('models that work come first, and the newest of them before the others', () => {
  const models = [{ id: 'old', created: 1 }, { id: 'off', created: 9 }, { id: 'new', created: 5 }];
  const ids = sorted(models.map((each) => model({ ...each, active: each.id !== 'off' }))).map(({ id }) => id);
  assert.deepEqual(ids, ['new', 'old', 'off']);
});

test('filters go by words, provider, feature and activity', () => {
  const canvas = model({ aliases: ['nova'], providers: [{ provider: 'bedrock' }] });
  const passes = (filter) => filtered([canvas], filter).length === 1;
  assert.ok(passes({}) && passes({ text: ' NOVA tintype ' }) && passes({ provider: 'bedrock', feature: 'image_generation' }));
  assert.ok(!passes({ text: 'nova fox' }) && !passes({ provider: 'openai' }) && !passes({ feature: 'image_edit' }));
  assert.equal(filtered([model({ active: false })], { activeOnly: true }).length, 0);
  assert.deepEqual(offered([canvas, model()]), { providers: ['bedrock', 'openai'], features: ['image_generation'] });
});

test('badges tell the end of a model, and its mark', () => {
  const lifecycle = { state: 'Deprecated', deprecated_on: '2026-03-30', retires_on: '2026-09-30', replacement: 'next' };
  const [deprecated, retires, mark] = badges(model({ watermark: 'c2pa', lifecycle }));
  assert.deepEqual([deprecated.text, retires.text, mark.text], ['Deprecated Mar 30, 2026', 'Retires Sep 30, 2026', 'C2PA']);
  assert.equal(retires.title, 'Use next instead');
  assert.equal(badges(model({ lifecycle: { ...lifecycle, state: 'Retired' } }))[0].text, 'Retired Sep 30, 2026');
  assert.equal(badges(model({ active: false }))[0].text, 'Inactive');
});

test('words of the catalog are spoken', () => {
  assert.equal(spoken('image_generation'), 'Image generation');
  assert.equal(spoken('3D_ANIMATED_FAMILY_FILM'), '3d animated family film');
  assert.equal(spoken('hd'), 'HD');
});

test('who cannot pay is told what is missing', () => {
  const error = new ApiError(402, { error: { message: 'm', code: 'insufficient_credits' } });
  const { title, message } = explain(error, { remaining: 250_000, ceiling: 1_000_000 });
  assert.equal(title, 'Not enough credits');
  assert.equal(message, 'This can cost up to 1 credit, and the account has 0.25 credits: 0.75 credits are missing.');
  assert.equal(explain(error).message, 'm');
});

test('the amounts in a response go before those that the page knows', () => {
  const told = { error: { message: 'm' }, credits: { required: 640_000, available: 10_000 } };
  const error = new ApiError(402, told);
  assert.match(explain(error).message, /0\.63 credits are missing/);
  assert.match(explain(error, { remaining: 1, ceiling: 2 }).message, /0\.63 credits are missing/);
});

test('every problem of a request is told at its field', () => {
  const error = new ApiError(422, { error: { message: 'm', code: 'invalid_value', param: 'n' }, errors: [{ param: 'n', message: 'too many' }, { param: 'size', message: 'odd' }] });
  assert.deepEqual(explain(error).fields, { n: 'too many', size: 'odd' });
  assert.equal(explain(new ApiError(400, { error: { message: '`n` is odd' } })).message, 'n is odd');
});

test('a response without an envelope, a lost connection and a defect are told, too', () => {
  assert.match(explain(new ApiError(502, null)).title, /502/);
  assert.match(explain(new ConnectionError('gone')).advice, /network/);
  assert.match(explain(new TypeError('x')).title, /this page/);
  assert.match(explain(new ApiError(429, null, new Headers({ 'retry-after': '7' }))).advice, /7 s/);
});

test('an image is told by its bytes, and named after its prompt', () => {
  assert.equal(formatOf(decoded('iVBORw0KGgo=')), 'png');
  assert.equal(formatOf(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)), 'jpeg');
  assert.equal(formatOf(Uint8Array.of(1, 2, 3, 4)), null);
  assert.equal(fileName('A Sleepy hedgehog, under!', 0, 'webp'), 'a-sleepy-hedgehog-under-1.webp');
  assert.equal(fileName('漢字', 1, null), 'image-2.png');
});
