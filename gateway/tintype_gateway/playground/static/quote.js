/** The price of a request before it is bought. */

import { ApiError, explain } from './advice.js';
import { byId, el, fill, spaced } from './dom.js';
import { creditAmount, usd } from './money.js';

/** How long people pause before a price is asked for, in milliseconds. */
const DELAY = 250;

/** How many bytes of images a millisecond of that pause stands for: they are sent for every price. */
const BYTES_PER_MILLISECOND = 8_000;
const LONGEST_DELAY = 3_000;

/** Asks for prices and shows them. `mark` is called with what is wrong with the request's fields. */
export class Quote {
  #api;
  #mark;
  #microPerUsd;
  #interval;
  #next = 0;
  #asking = new AbortController();

  /** The most that the request can cost, in micro-credits, as far as it is known. */
  ceiling;

  constructor(api, account, mark) {
    this.#api = api;
    this.#mark = mark;
    this.#microPerUsd = account.micro_credits_per_usd;
    // Half of the calls that the account may make, so that others are left for the rest.
    this.#interval = (2 * 60_000) / account.calls_per_minute;
  }

  /** Ask for the price of what `write` returns after a pause, unless something else is asked before. */
  ask(write, bytes) {
    const signal = this.#begin();
    const pause = Math.min(LONGEST_DELAY, DELAY + bytes / BYTES_PER_MILLISECOND);
    setTimeout(() => signal.aborted || this.#quote(write, signal), Math.max(pause, this.#next - Date.now()));
  }

  /** Say why there is no price yet. */
  withhold(reason) {
    this.#begin();
    this.ceiling = undefined;
    fill(byId('quote'), el('span', { class: 'muted' }, reason));
  }

  #begin() {
    this.#asking.abort();
    this.#asking = new AbortController();
    return this.#asking.signal;
  }

  async #quote(write, signal) {
    this.ceiling = undefined;
    this.#next = Date.now() + this.#interval;
    try {
      const price = await this.#api.quote(write(), signal);
      if (signal.aborted) return;
      this.ceiling = price.credits_ceiling;
      fill(byId('quote'), textOf(price, this.#microPerUsd));
    } catch (error) {
      if (signal.aborted) return;
      this.ceiling = error.credits?.required;
      const { message, fields } = explain(error);
      fill(byId('quote'), el('span', { class: 'muted' }, error instanceof ApiError ? noPrice(error) : message));
      this.#mark(fields);
    }
  }
}

function noPrice({ credits }) {
  return credits ? `Up to ${creditAmount(credits.required)} credits: more than the account has` : 'No price for this';
}

function textOf({ credits_expected: expected, credits_ceiling: most }, microPerUsd) {
  const about = expected ?? most;
  const isOpen = creditAmount(most) !== creditAmount(about);
  const bound = isOpen && el('span', { class: 'muted' }, `(at most ${creditAmount(most)})`);
  return spaced([
    el('span', { class: 'muted' }, expected === null ? 'At most' : 'About'),
    el('strong', {}, `${creditAmount(about)} credits`),
    el('span', {}, `· ${usd(about, microPerUsd)}`),
    bound,
  ]);
}
