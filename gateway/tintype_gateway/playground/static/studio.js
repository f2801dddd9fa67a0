/** The studio: form, gallery and images, and the request that goes through them. */

import { explain } from './advice.js';
import { sorted } from './catalog.js';
import { Composer } from './composer.js';
import { byId } from './dom.js';
import { createGallery } from './gallery.js';
import { generation } from './generation.js';
import { wireKeys } from './keys.js';
import { creditAmount, credits } from './money.js';
import { decoded, opened } from './image.js';
import { costOf, createRun, drawPlate, drawRun, finished } from './run.js';
import { createStage, showProblem } from './stage.js';
import { keptDraft } from './storage.js';
import { openTab, wireTabs } from './tabs.js';

/** Open the studio for an account, as `GET /v1/credits` describes it. */
export async function openStudio(api, account, base) {
  const models = sorted(await api.models());
  const studio = new Studio(api, account, models, base);
  const keys = { generate: () => studio.generate(), search: () => studio.search(), cancel: () => studio.cancel() };
  byId('composer').onsubmit = (event) => {
    event.preventDefault();
    keys.generate();
  };
  byId('cancel').onclick = keys.cancel;
  wireKeys(keys);
  wireTabs();
  const { model: former } = keptDraft();
  studio.choose(models.find(({ active, id }) => active && id === former) ?? models.find(({ active }) => active) ?? models[0]);
}

class Studio {
  #api;
  #base;
  #composer;
  #gallery;
  #stage = createStage();
  #running = null;
  #remaining = null;

  /** What can be done with an image. */
  #actions = {
    takesSeed: (id) => this.#composer.takesSeed(id),
    useSeed: (seed) => this.#composer.useSeed(seed),
    change: (file) => this.#composer.take([file]),
  };

  constructor(api, account, models, base) {
    this.#api = api;
    this.#base = base;
    this.#composer = new Composer(api, account, (feature) => this.search(feature));
    this.#gallery = createGallery(models, (model) => this.choose(model));
    byId('account-name').textContent = account.account;
    this.#showCredits(account.credits_remaining);
  }

  choose(model) {
    this.#composer.choose(model);
    this.#gallery.mark(model);
    if (!isWide()) byId('prompt').focus();
  }

  /** Look for a model, of those that have a feature if one is named. */
  search(feature) {
    openTab('models');
    this.#gallery.search(feature);
  }

  cancel() {
    this.#running?.abort();
  }

  /** Buy what the form says, unless something is being bought already. */
  async generate() {
    if (this.#running || !this.#composer.isComplete()) return;
    this.#running = new AbortController();
    const request = this.#composer.request();
    const run = createRun(request, this.#base);
    this.#begin(run);
    try {
      await this.#follow(run, request);
      say(`Done: ${counted(finished(run))} for ${credits(costOf(run))}.`);
    } catch (error) {
      this.#fail(run, error);
    } finally {
      this.#end(run);
    }
  }

  #begin(run) {
    showProblem(null);
    this.#composer.mark({});
    setBusy(true);
    say('Asking the provider…');
    drawRun(run, this.#actions);
    this.#stage.add(run);
    openTab('images');
    if (!isWide()) byId('panel-images').scrollIntoView({ behavior: 'smooth' });
  }

  async #follow(run, request) {
    for await (const event of generation(this.#api, request, this.#running.signal)) {
      if (event.type === 'head') run.head = event;
      else await this.#receive(run, event);
    }
  }

  /** Show a preview, an image, or that there is none, in its place. */
  async #receive(run, event) {
    const image = run.images[event.index];
    const former = image.file;
    const isFinal = event.type === 'completed';
    const { b64_json: base64, ...facts } = event; // megabytes, that need not be kept twice
    if (isFinal) image.facts = facts;
    if (event.flagged) image.state = 'flagged';
    else {
      image.file = await opened(new Blob([decoded(base64)]));
      image.state = isFinal ? 'done' : 'partial';
    }
    drawPlate(run, image, this.#actions);
    if (former) URL.revokeObjectURL(former.url);
    say(isFinal ? `Image ${event.index + 1} of ${run.images.length} is there.` : `Preview ${event.partial_image_index + 1}`);
  }

  #fail(run, error) {
    if (error.name === 'AbortError') {
      run.missing = 'cancelled';
      return say('Cancelled.');
    }
    for (const { index, message } of error.problems ?? []) if (run.images[index]) run.images[index].message = message;
    const problem = explain(error, { remaining: this.#remaining, ceiling: this.#composer.ceiling });
    showProblem(problem);
    this.#composer.mark(problem.fields);
    if (finished(run) === 0) this.#stage.drop(run);
    return say('');
  }

  #end(run) {
    this.#running = null;
    for (const image of run.images) if (!['done', 'flagged'].includes(image.state)) image.state = run.missing;
    run.seconds = (performance.now() - run.startedAt) / 1000;
    drawRun(run, this.#actions);
    this.#stage.drawHistory();
    setBusy(false);
    this.#api.credits().then((now) => this.#showCredits(now.credits_remaining), () => {});
  }

  #showCredits(micro) {
    this.#remaining = micro;
    byId('account-credits').textContent = micro === null ? 'unlimited' : `${creditAmount(micro)} credits`;
  }
}

/** Say whether form and images are side by side, as the style sheet decides it. */
function isWide() {
  return matchMedia('(min-width: 60rem)').matches;
}

function setBusy(isBusy) {
  byId('generate').setAttribute('aria-disabled', String(isBusy));
  byId('cancel').hidden = !isBusy;
}

function say(text) {
  byId('status').textContent = text;
}

function counted(images) {
  return images === 1 ? '1 image' : `${images} images`;
}
