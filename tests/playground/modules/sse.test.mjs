import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { createParser, eventsOf } = await load('sse');

const parse = (...chunks) => {
  const push = createParser();
  return chunks.flatMap((chunk) => push(chunk));
};

test('an event has a name and data', () => {
  assert.deepEqual(parse('event: done\ndata: {"a": 1}\n\n'), [{ name: 'done', data: '{"a": 1}' }]);
});

test('an event without a name is a message', () => {
  assert.deepEqual(parse('data: x\n\n'), [{ name: 'message', data: 'x' }]);
});

test('several lines of data are joined by line feeds', () => {
  assert.deepEqual(parse('data: a\ndata:b\ndata:  c\n\n')[0].data, 'a\nb\n c');
});

test('comments, other fields and events without data are skipped', () => {
  assert.deepEqual(parse(': ping\n\nretry: 9\n\nevent: empty\n\ndata: x\n\n'), [{ name: 'message', data: 'x' }]);
});

test('an id counts until there is another', () => {
  const ids = parse('data: a\n\nid: 4\ndata: b\n\ndata: c\n\nid: 5\n\ndata: d\n\n').map(({ id }) => id);
  assert.deepEqual(ids, [undefined, '4', '4', '5']);
});

test('what no blank line ends is no event', () => {
  assert.deepEqual(parse('data: x\n\ndata: cut'), [{ name: 'message', data: 'x' }]);
});

test('an event is the same wherever its bytes are cut, and however its lines end', () => {
  for (const end of ['\n', '\r', '\r\n']) {
    const text = `event: one${end}data: a${end}data: b${end}${end}: x${end}data: c${end}${end}`;
    const whole = [{ name: 'one', data: 'a\nb' }, { name: 'message', data: 'c' }];
    assert.deepEqual(parse(...text), whole);
    for (let cut = 0; cut <= text.length; cut += 1) {
      assert.deepEqual(parse(text.slice(0, cut), '', text.slice(cut)), whole, `${JSON.stringify(end)} at ${cut}`);
    }
  }
});

test('a body is read as UTF-8, with a character cut in two', async () => {
  const bytes = new TextEncoder().encode('data: ü\n\n');
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.slice(0, 7));
      controller.enqueue(bytes.slice(7));
      controller.close();
    },
  });
  const events = [];
  for await (const event of eventsOf(body)) events.push(event.data);
  assert.deepEqual(events, ['ü']);
});

test('megabytes on one line are put together once', () => {
  const chunks = Array.from({ length: 400 }, () => 'A'.repeat(65536));
  const [event] = parse('data: ', ...chunks, '\n\n');
  assert.equal(event.data.length, 400 * 65536);
});
