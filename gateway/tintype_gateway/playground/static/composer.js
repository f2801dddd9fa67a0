/** The form: a model, a prompt, what the model can be asked for, and what that would cost. */

import { ApiError, explain } from './advice.js';
import { byId, button, el, fill, spaced } from './dom.js';
import { answersOf, fieldsOf, hasPreviews, requestOf } from './fields.js';
import { markFields, showFields } from './form.js';
import { badgesOf, priceTag } from './gallery.js';
import { creditAmount, number, usd } from './money.js';
import { keepDraft, keptDraft } from './storage.js';

/** How long people pause before a price is asked for, in milliseconds. */
const QUOTE_DELAY = 250;

/** Stands in for a prompt that is not written yet, so that there is a price already. */
const ANY_PROMPT = '-';

const EXAMPLES = [
  'A sleepy hedgehog under a mushroom, soft morning light, shallow depth of field',
  'A lighthouse on a basalt cliff at dusk, long exposure, tintype photograph',
  'An isometric cutaway of a tiny bookshop, warm lamps, rain on the windows',
  'A bowl of ripe apricots on linen, Dutch still life, window light from the left',
  'A quiet mountain lake at dawn, layers of mist, woodblock print',
];

/** The form. `search` is called when another model is wanted. */
export class Composer {
  #api;
  #microPerUsd;
  #quoteInterval;
  #nextQuote = 0;
  #search;
  #form = byId('composer');
  #prompt = byId('prompt');
  #model = null;
  #fields = [];
  #answers = {};
  #asking = new AbortController();

  /** The most that the request can cost, in micro-credits, as far as it is known. */
  ceiling;

  constructor(api, account, search) {
    const { prompt = '', answers = {} } = keptDraft();
    this.#answers = answers;
    this.#prompt.value = prompt;
    this.#api = api;
    this.#microPerUsd = account.micro_credits_per_usd;
    // Half of the calls that the account may make, so that others are left for the rest.
    this.#quoteInterval = (2 * 60_000) / account.calls_per_minute;
    this.#search = search;
    this.#prompt.oninput = () => this.#changed();
    byId('example').onclick = () => this.#takeExample();
  }

  /** Show the form of another model. What was answered stays, as far as the model has it, too. */
  choose(model) {
    this.#model = model;
    this.#fields = fieldsOf(model);
    this.#answers = answersOf(this.#fields, this.#answers);
    fill(byId('chosen'), summary(model, this.#search));
    this.#showFields();
    this.#changed();
  }

  /** Return the model, the request as the code snippets show it, and as it is sent. */
  request() {
    const plain = requestOf(this.#model, this.#prompt.value.trim(), this.#answers);
    return { model: this.#model, plain, body: this.#streamed(plain) };
  }

  /** Tell what is wrong with fields, by their names in a request. */
  mark(problems) {
    markFields(this.#form, problems);
  }

  /** Ask for a prompt. */
  missPrompt() {
    this.mark({ prompt: 'Say what the image should show.' });
    this.#prompt.focus();
  }

  /** Say whether a seed can be used again, of an image by the model with an id. */
  takesSeed(id) {
    return this.#model.id === id && this.#fields.some((field) => field.name === 'seed');
  }

  useSeed(seed) {
    this.#answers.seed = seed;
    this.#showFields();
    this.#changed();
    byId('fine').open = true;
    byId('field-seed').focus();
  }

  #showFields() {
    const fine = this.#fields.filter((field) => field.fine);
    const common = this.#fields.filter((field) => !field.fine);
    showFields(byId('fields'), common, this.#answers, () => this.#changed());
    showFields(byId('fine-fields'), fine, this.#answers, () => this.#changed());
    byId('fine').hidden = fine.length === 0;
  }

  #takeExample() {
    const next = (EXAMPLES.indexOf(this.#prompt.value) + 1) % EXAMPLES.length;
    this.#prompt.value = EXAMPLES[next];
    this.#changed();
    this.#prompt.focus();
  }

  #changed() {
    const most = this.#model.limits.max_prompt_characters;
    byId('prompt-count').textContent = `${number([...this.#prompt.value].length)} of ${number(most)} characters`;
    this.mark({});
    keepDraft({ model: this.#model.id, prompt: this.#prompt.value, answers: this.#answers });
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const delay = Math.max(QUOTE_DELAY, this.#nextQuote - Date.now());
    setTimeout(() => signal.aborted || this.#quote(signal), delay);
  }

  async #quote(signal) {
    const prompt = this.#prompt.value.trim() || ANY_PROMPT;
    this.ceiling = undefined;
    this.#nextQuote = Date.now() + this.#quoteInterval;
    try {
      const price = await this.#api.quote(this.#streamed(requestOf(this.#model, prompt, this.#answers)), signal);
      this.ceiling = price.credits_ceiling;
      fill(byId('quote'), quoteText(price, this.#microPerUsd));
    } catch (error) {
      if (signal.aborted) return;
      this.ceiling = error.credits?.required;
      const { message, fields } = explain(error);
      fill(byId('quote'), el('span', { class: 'muted' }, error instanceof ApiError ? noPrice(error) : message));
      this.mark(fields);
    }
  }

  #streamed(body) {
    const previews = hasPreviews(this.#model) && { partial_images: this.#answers.partial_images };
    return { ...body, stream: true, ...previews };
  }
}

function noPrice({ credits }) {
  return credits ? `Up to ${creditAmount(credits.required)} credits: more than the account has` : 'No price for this';
}

function summary(model, search) {
  const { state, replacement } = model.lifecycle;
  const hint = state !== 'Active' && replacement && el('p', { class: 'hint' }, `${replacement} takes its place.`);
  return [
    el('div', { class: 'chosen-text' }, el('h2', {}, model.display_name), priceTag(model), badgesOf(model), hint),
    button('search', 'Change', search, { 'aria-label': `Change the model, now ${model.display_name}` }),
  ];
}

function quoteText({ credits_expected: expected, credits_ceiling: most }, microPerUsd) {
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
