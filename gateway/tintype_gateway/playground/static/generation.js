/** One request for images, from the click to the last event of its stream. */

import { ApiError, ConnectionError } from './advice.js';
import { eventsOf } from './sse.js';

/**
 * Yield what happens: `{type: 'head', route, adjustments, requestId}` once, then for each image
 * any number of `partial` and one `completed`, as the server's events tell them.
 */
export async function* generation(api, request, signal) {
  const response = await api.buy(request, signal);
  yield { type: 'head', ...headOf(response) };
  yield* request.body.stream ? streamed(response, signal) : whole(response);
}

async function* streamed(response, signal) {
  let finished = 0;
  for await (const event of imageEvents(eventsIn(response, signal))) {
    if (event.type === 'error') throw new ApiError(event.error?.status ?? 503, event, response.headers);
    finished += event.type === 'completed';
    yield event;
  }
  if (finished === 0) throw new ConnectionError('The response ended before an image was finished.');
}

/** Yield the events of a stream as `partial`, `completed` and `error`, with the place of each image. */
export async function* imageEvents(events) {
  let finished = 0;
  for await (const event of events) {
    const data = JSON.parse(event.data);
    const name = data.type ?? event.name;
    const told = { ...data, index: data.index ?? finished, number: Number(event.id ?? 0) };
    if (name === 'error') yield { ...data, type: 'error' };
    if (name.endsWith('.partial_image')) yield { ...told, type: 'partial' };
    if (name.endsWith('.completed')) {
      finished += 1;
      yield { ...told, type: 'completed' };
    }
  }
}

/** Yield the images of a response that is no stream. What they cost together stands at the first. */
async function* whole(response) {
  const { data, usage, errors = [] } = await response.json();
  for (const [index, image] of data.entries()) {
    yield { ...image, type: 'completed', index, ...(index === 0 && { usage }) };
  }
  if (errors.length) throw new ApiError(503, { error: errors[0], errors }, response.headers);
}

async function* eventsIn(response, signal) {
  try {
    yield* eventsOf(response.body);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ConnectionError('The response ended before the image was finished.');
  }
}

/** Return what the headers of a response tell: `{route, adjustments, requestId}`. */
export function headOf({ headers }) {
  return {
    route: headers.get('tintype-route'),
    adjustments: listed(headers.get('tintype-adjusted')),
    requestId: headers.get('x-request-id'),
  };
}

function listed(header) {
  return header ? header.split(', ') : [];
}
