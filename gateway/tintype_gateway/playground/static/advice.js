/** Errors as people want to read them: what happened, why, and what to do about it. */

import { credits } from './money.js';

/** An error response of the API, in OpenAI's envelope. */
export class ApiError extends Error {
  constructor(status, body, headers = new Headers()) {
    const error = body?.error ?? {};
    super(error.message ?? `The server responded with ${status}.`);
    this.status = status;
    this.code = error.code ?? null;
    this.param = error.param ?? null;
    this.problems = body?.errors ?? [];
    this.credits = body?.credits ?? null;
    this.requestId = headers.get('x-request-id');
    this.retryAfter = Number(headers.get('retry-after')) || null;
  }
}

/** No response, or one that ended early. */
export class ConnectionError extends Error {}

const WORDS = {
  invalid_api_key: ['This key does not work', 'Check that it is whole, and not revoked or expired.'],
  moderation_blocked: ['The provider refused this prompt', 'Say it in other words. Nothing was charged.'],
  no_active_providers: ['No provider serves this model now', 'Choose another model.'],
  model_not_found: ['This model does not exist any more', 'Choose another model.'],
  provider_throttled: ['The provider is busy', 'Wait a moment, then try again. Nothing was charged.'],
  provider_unauthorized: ['The provider refuses this server', 'Its operator must check the provider credentials.'],
  provider_unavailable: ['The provider cannot be reached', 'Try again later, or choose another model.'],
  timeout: ['The provider took too long', 'It may have made an image, which did not arrive. Nothing was charged.'],
  outcome_unknown: ['The image did not arrive', 'Nothing was charged. Try again if you like.'],
  ledger_unavailable: ['The ledger is unavailable', 'No image was requested. Try again in a moment.'],
  catalog_unavailable: ['The server is still starting', 'Try again in a moment.'],
  payload_too_large: ['This is too much', 'Shorten the prompt, or send fewer or smaller images.'],
};

/**
 * Return `{title, message, advice, fields}` for an error. `means` tells, for 402, what the
 * account has and what the request could cost, in micro-credits, if the error does not say.
 */
export function explain(error, means = {}) {
  if (error instanceof ConnectionError) {
    return told('The connection was lost', error.message, 'Check the network, then try again.');
  }
  if (!(error instanceof ApiError)) {
    return told('Something went wrong on this page', String(error?.message ?? error), 'Reload it, then try again.');
  }
  if (error.status === 402) return unpaid(error, means);
  if (error.status === 429) return told('Too fast', error.message, waiting(error.retryAfter));
  if (error.status === 400 || error.status === 422) return refused(error);
  const [title, advice] = WORDS[error.code] ?? [`The server responded with ${error.status}`, 'Try again later.'];
  return told(title, error.message, advice);
}

function refused(error) {
  const problems = error.problems.length ? error.problems : [error];
  const fields = Object.fromEntries(problems.filter((each) => each.param).map((each) => [each.param, unquoted(each.message)]));
  const [title, advice] = WORDS[error.code] ?? ['The request cannot be served as it is', 'Change it, then try again.'];
  return { ...told(title, error.message, advice), fields };
}

function unpaid(error, { remaining, ceiling }) {
  const { required = ceiling, available = remaining } = error.credits ?? {};
  if (required === undefined || available === undefined) {
    return told('Not enough credits', error.message, 'Ask for more credits, or for a cheaper image.');
  }
  const message =
    `This can cost up to ${credits(required)}, and the account has ${credits(available)}: ` +
    `${credits(Math.max(0, required - available))} are missing.`;
  return told('Not enough credits', message, 'Choose a lower quality, a smaller size or fewer images.');
}

function waiting(seconds) {
  return seconds ? `Try again in ${seconds} s.` : 'Try again in a moment.';
}

function told(title, message, advice) {
  return { title, message: unquoted(message), advice, fields: {} };
}

/** Return a message without the marks of code that the API puts around names. */
function unquoted(message) {
  return message.replaceAll('`', '');
}
