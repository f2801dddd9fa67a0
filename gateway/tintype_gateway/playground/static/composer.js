/** The form: a model, what it shall do, with which prompt and images, and what that would cost. */

import { byId, button, el, fill } from './dom.js';
import { fieldsOf, hasPreviews, isStreamed, requestOf, valuesOf } from './fields.js';
import { markFields, showFields } from './form.js';
import { badgesOf, priceTag } from './gallery.js';
import { createInputs } from './inputs.js';
import { Masking } from './masking.js';
import { number } from './money.js';
import { missing, operationOf, operationsOf, takesImages } from './operations.js';
import { Quote } from './quote.js';
import { keepDraft, keptDraft } from './storage.js';

/** Stands in for a prompt that is not written yet, so that there is a price already. */
const ANY_PROMPT = '-';

const EXAMPLES = [
  'A sleepy hedgehog under a mushroom, soft morning light, shallow depth of field',
  'A lighthouse on a basalt cliff at dusk, long exposure, tintype photograph',
  'An isometric cutaway of a tiny bookshop, warm lamps, rain on the windows',
  'A bowl of ripe apricots on linen, Dutch still life, window light from the left',
  'A quiet mountain lake at dawn, layers of mist, woodblock print',
];

/** The form. `search` is called when another model is wanted, and, with a feature, one that has it. */
export class Composer {
  #search;
  #form = byId('composer');
  #prompt = byId('prompt');
  #model = null;
  #operation = null;
  #fields = [];
  #values = {};
  #inputs;
  #masking;
  #quote;

  constructor(api, account, search) {
    const { prompt = '', values = {} } = keptDraft();
    this.#values = values;
    this.#prompt.value = prompt;
    this.#search = search;
    this.#quote = new Quote(api, account, (problems) => this.mark(problems));
    this.#inputs = createInputs(() => this.#changed(), () => this.#wantImages());
    this.#masking = new Masking(() => this.#changed());
    this.#prompt.oninput = () => this.#changed();
    byId('example').onclick = () => this.#takeExample();
  }

  /** The most that the request can cost, in micro-credits, as far as it is known. */
  get ceiling() {
    return this.#quote.ceiling;
  }

  /** Show the form of another model. The values stay, as far as the model has them, too. */
  choose(model) {
    const wanted = this.#isStuck() ? 'edit' : this.#operation?.name ?? keptDraft().operation;
    this.#model = model;
    fill(byId('chosen'), summary(model, () => this.#search()));
    this.#do(operationOf(model, wanted));
  }

  /**
   * Return the request: its fields as they are sent (`body`) and as code to paste has them (`plain`), its
   * images, and its mask, which is a promise of a file or null.
   */
  request() {
    const images = takesImages(this.#operation) ? this.#inputs.images.map(({ mask, ...image }) => image) : [];
    return { ...this.#written(this.#prompt.value.trim()), images, mask: this.#masking.file() };
  }

  /** Say what is missing of the request, and whether nothing is. */
  isComplete() {
    const problems = this.#missing();
    this.mark(problems);
    if ('image' in problems) byId('files').focus();
    else if ('prompt' in problems) this.#prompt.focus();
    else if ('mask' in problems) this.#masking.focus();
    return Object.keys(problems).length === 0;
  }

  /** Tell what is wrong with fields, by their names in a request. */
  mark(problems) {
    const named = Object.entries(problems).map(([name, message]) => [name.replace(/^image\W.*/, 'image'), message]);
    markFields(this.#form, Object.fromEntries(named));
  }

  /** Take images to be changed. */
  take(files) {
    return this.#inputs.add(files);
  }

  /** Say whether a seed can be used again, of an image by the model with an id. */
  takesSeed(id) {
    return this.#model.id === id && this.#fields.some((field) => field.name === 'seed');
  }

  useSeed(seed) {
    this.#values.seed = seed;
    this.#showFields();
    this.#changed();
    byId('fine').open = true;
    byId('field-seed').focus();
  }

  /** Show the form of an operation of the model. */
  #do(operation) {
    const isAnother = this.#operation && takesImages(this.#operation) !== takesImages(operation);
    if (isAnother) delete this.#values.shape; // a size that was meant for new images
    this.#operation = operation;
    this.#fields = fieldsOf(this.#model, operation);
    this.#values = valuesOf(this.#fields, this.#values);
    this.#showOperations();
    this.#showPrompt();
    this.#inputs.fit(operation);
    this.#showFields();
    this.#changed();
  }

  /** Change to what the model does with images, or ask for a model that does something with them. */
  #wantImages() {
    const able = operationsOf(this.#model).find(takesImages);
    if (able) this.#do(able);
    else this.#search('image_edit');
  }

  /** Say whether there are images, and a model that does nothing with them. */
  #isStuck() {
    return this.#inputs.images.length > 0 && !operationsOf(this.#model).some(takesImages);
  }

  #showOperations() {
    const own = operationsOf(this.#model);
    byId('operations').hidden = own.length < 2;
    fill(byId('operation-chips'), own.map((each) => chip(each, each.name === this.#operation.name, () => this.#do(each))));
    byId('generate-label').textContent = this.#operation.label;
  }

  #showPrompt() {
    const { rule, question } = this.#operation;
    byId('prompting').hidden = rule.prompt === 'None';
    byId('prompt-label').textContent = rule.prompt === 'Optional' ? 'Prompt (optional)' : 'Prompt';
    byId('example').hidden = takesImages(this.#operation);
    this.#prompt.placeholder = question;
  }

  #showFields() {
    const fine = this.#fields.filter((field) => field.fine);
    const common = this.#fields.filter((field) => !field.fine);
    showFields(byId('fields'), common, this.#values, () => this.#changed());
    showFields(byId('fine-fields'), fine, this.#values, () => this.#changed());
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
    this.#masking.fit(this.#operation, this.#inputs.images[0] ?? null);
    keepDraft({ model: this.#model.id, operation: this.#operation.name, prompt: this.#prompt.value, values: this.#values });
    const { image } = this.#missing();
    if (image) return this.#quote.withhold(`${image.replace(/\.$/, '')} to see the price.`);
    const bytes = this.#inputs.images.reduce((sum, { file }) => sum + file.size, 0);
    return this.#quote.ask(() => this.#priced(), takesImages(this.#operation) ? bytes : 0);
  }

  /** Return the request with some prompt, if there is none yet. */
  #priced() {
    return { ...this.request(), ...this.#written(this.#prompt.value.trim() || ANY_PROMPT) };
  }

  #missing() {
    const { length } = this.#inputs.images;
    const images = takesImages(this.#operation) ? length : 0;
    return missing(this.#operation, { prompt: this.#prompt.value.trim(), images, hasMask: this.#masking.isPainted });
  }

  #written(prompt) {
    const plain = requestOf(this.#model, this.#operation, prompt, this.#values);
    const previews = hasPreviews(this.#model) && { partial_images: this.#values.partial_images };
    const streamed = isStreamed(this.#values) && { stream: true, ...previews };
    return { model: this.#model, operation: this.#operation, plain, body: { ...plain, ...streamed } };
  }
}

function chip({ name, label }, checked, onchange) {
  return el('label', { class: 'chip' }, el('input', { type: 'radio', name: 'operation', value: name, checked, onchange }), label);
}

function summary(model, search) {
  const { state, replacement } = model.lifecycle;
  const hint = state !== 'Active' && replacement && el('p', { class: 'hint' }, `${replacement} takes its place.`);
  return [
    el('div', { class: 'chosen-text' }, el('h2', {}, model.display_name), priceTag(model), badgesOf(model), hint),
    button('search', 'Change', search, { 'aria-label': `Change the model, now ${model.display_name}` }),
  ];
}
