/** One request for images, from the click to the last event of its stream. */

import { ApiError, ConnectionError } from './advice.js';
import { eventsOf } from './sse.js';

/**
 * Yield what happens: `{type: 'head', route, adjustments, requestId}` once, then for each image
 * any number of `partial` and one `completed`, as the server's events tell them.
 */
export async function* generation(api, request, signal) {
  const body = { ...request.body, response_format: 'b64_json' };
  const response = await api.buy({ ...request, body }, signal);
  yield {
    type: 'head',
    route: response.headers.get('tintype-route'),
    adjustments: listed(response.headers.get('tintype-adjusted')),
    requestId: response.headers.get('x-request-id'),
  };
  yield* body.stream ? streamed(response, signal) : whole(response);
}

async function* streamed(response, signal) {
  let finished = 0;
  for await (const event of eventsIn(response, signal)) {
    const data = JSON.parse(event.data);
    const name = data.type ?? event.name;
    if (name === 'error') throw new ApiError(data.error?.status ?? 503, data, response.headers);
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

function listed(header) {
  return header ? header.split(', ') : [];
}
