/** The gateway's API. A key lives in a header, never in an address. */

import { ApiError, ConnectionError } from './advice.js';
import { takesImages } from './operations.js';

/** Return the API at `base`, asked with `key`. */
export function createApi(base, key) {
  async function ask(path, { body, signal, method = body ? 'POST' : 'GET', headers = {} } = {}) {
    const response = await fetched(new URL(path, base), {
      method,
      headers: { ...headers, Authorization: `Bearer ${key}`, ...(typeof body === 'string' && { 'Content-Type': 'application/json' }) },
      body,
      cache: 'no-store',
      credentials: 'omit',
      signal,
    });
    if (response.ok) return response;
    throw new ApiError(response.status, await response.json().catch(() => null), response.headers);
  }

  return {
    credits: async () => (await ask('v1/credits')).json(),
    models: async () => (await (await ask('v1/models')).json()).data,
    quote: async (request, signal) => (await ask(request.operation.quotePath, { body: await bodyOf(request), signal })).json(),
    submit: async (request, signal) => ask(request.operation.path, { body: await bodyOf(inline(request)), signal, headers: { Prefer: 'respond-async' } }),
    job: async (id) => (await ask(jobPath(id), { headers: { Prefer: 'return=minimal' } })).json(),
    jobEvents: (id, last, signal) => ask(`${jobPath(id)}/events`, { signal, headers: last ? { 'Last-Event-ID': String(last) } : {} }),
    cancelJob: async (id) => (await ask(`${jobPath(id)}/cancel`, { method: 'POST', headers: { Prefer: 'return=minimal' } })).json(),
    buy: async (request, signal) => ask(request.operation.path, { body: await bodyOf(inline(request)), signal }),
  };
}

/** Return a request for images in the response itself, also where the gateway's default is another. */
function inline(request) {
  return { ...request, body: { ...request.body, response_format: 'b64_json' } };
}

function jobPath(id) {
  return `v1/images/jobs/${encodeURIComponent(id)}`;
}

/** Return the body of a request `{operation, body, images, mask}`: JSON, or a form where it has images. */
export async function bodyOf({ operation, body, images, mask }) {
  if (!takesImages(operation)) return JSON.stringify(body);
  const form = new FormData();
  for (const [name, text] of textsOf(body)) form.append(name, text);
  for (const { file, name } of images) form.append('image[]', file, name);
  if (mask) form.append('mask', await mask, 'mask.png');
  return form;
}

/** Return the fields of a body as a form has them: `[name, text]` each, `a[b]` and `a[]` for what is within. */
export function textsOf(body) {
  return Object.entries(body).flatMap(([name, value]) => nested(name, value));
}

function nested(name, value) {
  if (Array.isArray(value)) return value.flatMap((item) => nested(`${name}[]`, item));
  if (typeof value !== 'object' || value === null) return [[name, String(value)]];
  return Object.entries(value).flatMap(([part, item]) => nested(`${name}[${part}]`, item));
}

async function fetched(address, options) {
  try {
    return await fetch(address, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ConnectionError('The server did not respond.');
  }
}
