/** One request for images, from the click to the last event of its stream. */

import { ApiError, ConnectionError } from './advice.js';
import { eventsOf } from './sse.js';

/**
 * Yield what happens: `{type: 'head', route, adjustments, requestId}` once, then for each image
 * any number of `partial` and one `completed`, as the server's events tell them.
 */
export async function* generation(api, request, signal) {
  const body = { ...request.body, response_format: 'b64_json' };
  const answer = await api.buy({ ...request, body }, signal);
  yield {
    type: 'head',
    route: answer.headers.get('tintype-route'),
    adjustments: listed(answer.headers.get('tintype-adjusted')),
    requestId: answer.headers.get('x-request-id'),
  };
  yield* body.stream ? streamed(answer, signal) : whole(answer);
}

async function* streamed(answer, signal) {
  let finished = 0;
  for await (const event of eventsIn(answer, signal)) {
    const data = JSON.parse(event.data);
    const name = data.type ?? event.name;
    if (name === 'error') throw new ApiError(data.error?.status ?? 503, data, answer.headers);
    const index = data.index ?? finished;
    if (name.endsWith('.partial_image')) yield { ...data, type: 'partial', index };
    if (name.endsWith('.completed')) {
      finished += 1;
      yield { ...data, type: 'completed', index };
    }
  }
  if (finished === 0) throw new ConnectionError('The response ended before an image was finished.');
}

/** Yield the images of a response that is no stream. What they cost together stands at the first. */
async function* whole(answer) {
  const { data, usage, errors = [] } = await answer.json();
  for (const [index, image] of data.entries()) {
    yield { ...image, type: 'completed', index, ...(index === 0 && { usage }) };
  }
  if (errors.length) throw new ApiError(503, { error: errors[0], errors }, answer.headers);
}

async function* eventsIn(answer, signal) {
  try {
    yield* eventsOf(answer.body);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ConnectionError('The response ended before the image was finished.');
  }
}

function listed(header) {
  return header ? header.split(', ') : [];
}
