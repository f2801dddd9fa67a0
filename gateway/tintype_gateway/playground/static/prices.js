/** What an image of a model costs, from the `cost` of `GET /v1/models`. Shown, never charged. */

import { dollars } from './money.js';

/** What OpenAI's formula is reckoned with: the size that a request has where it does not say one. */
const USUAL_PIXELS = 1024 * 1024;

/** Return the price in two parts: `{amount: '$0.04 – $0.08', unit: 'an image'}`. */
export function priceOf(cost) {
  if (!cost) return { amount: 'No price', unit: '' };
  const prices = perImage(cost);
  if (prices.length === 0) {
    return { amount: dollars(Number(cost.per_million_tokens.image_output)), unit: 'a million image tokens' };
  }
  const isExact = cost.type !== 'per_token';
  return { amount: isExact ? range(prices) : `≈ ${range(prices.map(rounded))}`, unit: 'an image' };
}

function perImage(cost) {
  if (cost.type === 'per_image') return [Number(cost.usd)];
  if (cost.type !== 'per_token') return cost.prices.map((row) => Number(row.usd));
  const perToken = Number(cost.per_million_tokens.image_output) / 1e6;
  return tokensPerImage(cost.output_tokens ?? {}).map((tokens) => tokens * perToken);
}

/** Return the tokens of an image: by the table's rows, or by the formula, a square by each quality. */
function tokensPerImage({ table = [], factors = {} }) {
  const square = (factor) => Math.ceil((factor * factor * (2e6 + USUAL_PIXELS)) / 4e6);
  return [...table.map((row) => row.tokens), ...Object.values(factors).map(square)];
}

function rounded(price) {
  return Number(price.toPrecision(2));
}

function range(prices) {
  const [low, high] = [dollars(Math.min(...prices)), dollars(Math.max(...prices))];
  return low === high ? low : `${low} – ${high}`;
}
