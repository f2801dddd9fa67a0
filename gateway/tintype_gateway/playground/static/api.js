/** The gateway's API. A key lives in a header, never in an address. */

import { ApiError, ConnectionError } from './advice.js';
import { takesImages } from './operations.js';

/** Return the API at `base`, asked with `key`. */
export function createApi(base, key) {
  async function ask(path, { body, signal } = {}) {
    const response = await fetched(new URL(path, base), {
      method: body ? 'POST' : 'GET',
      headers: { Authorization: `Bearer ${key}`, ...(typeof body === 'string' && { 'Content-Type': 'application/json' }) },
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
    buy: async (request, signal) => ask(request.operation.path, { body: await bodyOf(request), signal }),
  };
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
