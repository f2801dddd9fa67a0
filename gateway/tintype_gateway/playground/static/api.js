/** The gateway's API. A key lives in a header, never in an address. */

import { ApiError, ConnectionError } from './advice.js';

/** Return the API at `base`, asked with `key`. */
export function createApi(base, key) {
  async function ask(path, { body, signal } = {}) {
    const answer = await fetched(new URL(path, base), {
      method: body ? 'POST' : 'GET',
      headers: { Authorization: `Bearer ${key}`, ...(body && { 'Content-Type': 'application/json' }) },
      body: body && JSON.stringify(body),
      cache: 'no-store',
      credentials: 'omit',
      signal,
    });
    if (answer.ok) return answer;
    throw new ApiError(answer.status, await answer.json().catch(() => null), answer.headers);
  }

  return {
    credits: async () => (await ask('v1/credits')).json(),
    models: async () => (await (await ask('v1/models')).json()).data,
    quote: async (body, signal) => (await ask('v1/images/quote', { body, signal })).json(),
    generate: (body, signal) => ask('v1/images/generations', { body, signal }),
  };
}

async function fetched(address, options) {
  try {
    return await fetch(address, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ConnectionError('The server did not respond.');
  }
}
