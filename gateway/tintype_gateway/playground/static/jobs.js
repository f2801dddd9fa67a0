/** Jobs: requests that the gateway carries out in the background, from its first word to the last. */

import { imageEvents } from './generation.js';
import { operationsOf } from './operations.js';
import { eventsOf } from './sse.js';

const ENDED = new Set(['completed', 'failed', 'cancelled', 'outcome_unknown']);

/** Say whether a job will not change any more. */
export function hasEnded({ status }) {
  return ENDED.has(status);
}

/**
 * Yield the previews and images of a job from one event on, as `generation` does, with the `number` of
 * each event. It ends where the gateway's stream ends, at the end of the job or earlier. Why a job failed
 * is said by the job itself.
 */
export async function* followed(api, id, last, signal) {
  const response = await api.jobEvents(id, last, signal);
  if (response.status === 204) return; // all events have been told
  for await (const event of imageEvents(eventsOf(response.body))) if (event.type !== 'error') yield event;
}

/** Return a request like that of a job, as far as the job tells: it never tells the prompt. */
export function requestOfJob({ request }, models) {
  const { model: id, operation: name, n, size, quality } = request;
  const model = models.find((each) => each.id === id || each.aliases.includes(id)) ?? { id, display_name: id };
  const own = operationsOf(model);
  const operation = own.find((each) => name.endsWith(each.name)) ?? own[0];
  const title = `${operation.label}: ${model.display_name}`;
  return { model, operation, title, plain: { model: id, n, size, quality }, body: null, images: [], mask: null };
}

/** Say in a few words how a job is, with the number of images that are there. */
export function wordsFor({ status, cancel_requested: isEnding, request, error }, done) {
  if (isEnding && !hasEnded({ status })) return 'Being cancelled';
  if (status === 'queued') return 'In the queue';
  if (status === 'in_progress') return request.n > 1 ? `In progress: ${done} of ${request.n} images` : 'In progress';
  if (status === 'completed') return 'Done';
  if (status === 'cancelled') return 'Cancelled';
  const reason = error?.message.replaceAll('`', '');
  if (status === 'failed') return reason ? `Failed: ${reason}` : 'Failed';
  return 'Nobody knows whether the provider made it. It was not charged.';
}

/** Return how long to wait between looks, in milliseconds: a quarter of an account's calls at most. */
export function pauseBetweenLooks({ calls_per_minute: calls }) {
  return Math.max(1_500, (4 * 60_000) / calls);
}
