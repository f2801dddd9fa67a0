import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, model } from './load.mjs';

const { followed, hasEnded, pauseBetweenLooks, requestOfJob, wordsFor } = await load('jobs');

const job = (changes = {}) => ({
  id: 'job_1', status: 'queued', cancel_requested: false, error: null,
  request: { operation: 'image_generation', model: 'canvas', n: 1, size: '64x64', quality: null }, ...changes,
});

const apiOf = (text) => ({
  jobEvents: async (id, last) => ({ body: new Blob([text.replace('LAST', `${id} ${last}`)]).stream() }),
});

test('events are told with their numbers and the places of their images', async () => {
  const text =
    'id: 1\ndata: {"type": "image_generation.partial_image", "index": 0, "partial_image_index": 0}\n\n' +
    ': ping\n\nid: 2\ndata: {"type": "image_generation.completed", "index": 1}\n\n' +
    'id: 3\ndata: {"type": "image_generation.completed"}\n\n';
  const told = [];
  for await (const { type, index, number } of followed(apiOf(text), 'job_1', 0)) told.push([type, index, number]);
  assert.deepEqual(told, [['partial', 0, 1], ['completed', 1, 2], ['completed', 1, 3]]);
});

test('a stream is asked for from the last event on', async () => {
  const told = [];
  for await (const event of followed(apiOf('data: {"type": "x.completed", "seed": "LAST"}\n\n'), 'job_1', 7)) told.push(event.seed);
  assert.deepEqual(told, ['job_1 7']);
});

test('a job is said in words', () => {
  assert.equal(wordsFor(job(), 0), 'In the queue');
  assert.equal(wordsFor(job({ status: 'in_progress' }), 0), 'In progress');
  assert.equal(wordsFor(job({ status: 'in_progress', cancel_requested: true }), 0), 'Being cancelled');
  const many = { ...job().request, n: 3 };
  assert.equal(wordsFor(job({ status: 'in_progress', request: many }), 2), 'In progress: 2 of 3 images');
  assert.equal(wordsFor(job({ status: 'failed', error: { message: 'No `size`.' } }), 0), 'Failed: No size.');
  assert.match(wordsFor(job({ status: 'outcome_unknown' }), 0), /not charged/);
});

test('a job that was found again tells its model and its operation, and no prompt', () => {
  const edited = job({ request: { ...job().request, operation: 'image_edit', n: 2 } });
  const able = model({ operations: { generation: {}, edit: { min_images: 1, max_images: 1 } } });
  const request = requestOfJob(edited, [able]);
  assert.equal(request.title, 'Edit: Canvas');
  assert.equal(request.operation.name, 'edit');
  assert.deepEqual(request.plain, { model: 'canvas', n: 2, size: '64x64', quality: null });
  assert.equal(requestOfJob(job({ request: { ...job().request, model: 'gone' } }), [able]).title, 'Generate: gone');
});

test('looks take a quarter of the calls of an account at most', () => {
  assert.equal(pauseBetweenLooks({ calls_per_minute: 600 }), 1500);
  assert.equal(pauseBetweenLooks({ calls_per_minute: 10 }), 24000);
});

test('only what has ended has ended', () => {
  assert.deepEqual(['queued', 'in_progress', 'completed', 'outcome_unknown'].map((status) => hasEnded({ status })), [false, false, true, true]);
});
