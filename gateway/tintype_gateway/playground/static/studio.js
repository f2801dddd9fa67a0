/** The studio: form, gallery and images, and the request that goes through them. */

import { explain } from './advice.js';
import { sorted } from './catalog.js';
import { Composer } from './composer.js';
import { byId } from './dom.js';
import { createGallery } from './gallery.js';
import { generation, headOf } from './generation.js';
import { JobList } from './joblist.js';
import { requestOfJob } from './jobs.js';
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
  #jobs;
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
    this.#jobs = new JobList(api, account, {
      receive: (run, event) => this.#receive(run, event),
      ended: (entry) => this.#finish(entry),
      show: (run) => this.#show(run),
      fail: (error) => this.#refuse(error),
    });
    this.#jobs.restore((job) => this.#drawn(createRun(requestOfJob(job, models), base)));
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
    await (byId('background').checked ? this.#submit(run, request) : this.#buy(run, request));
  }

  async #buy(run, request) {
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

  /** Let the gateway carry out a request in the background, so that the form can be used again. */
  async #submit(run, request) {
    showProblem(null);
    this.#composer.mark({});
    setBusy(true);
    say('Submitting…');
    try {
      const response = await this.#api.submit(request, this.#running.signal);
      run.head = headOf(response);
      this.#jobs.add(await response.json(), this.#drawn(run));
      openTab('jobs');
      if (!isWide()) byId('panel-jobs').scrollIntoView({ behavior: 'smooth' });
      say('Submitted. The gateway goes on when this page is closed.');
    } catch (error) {
      if (error.name !== 'AbortError') openTab('images');
      this.#refuse(error);
    }
    this.#running = null;
    setBusy(false);
    this.#askCredits();
  }

  #drawn(run) {
    drawRun(run, this.#actions);
    return run;
  }

  /** Show the images of a job, of which some may not be there yet. */
  #show(run) {
    this.#stage.add(run);
    openTab('images');
    byId('tab-images').focus();
  }

  /** Put the images of a job that has ended beside the others. */
  #finish({ job, run }) {
    settle(run);
    run.seconds = job.finished_at - (job.started_at ?? job.finished_at);
    drawRun(run, this.#actions);
    const images = finished(run);
    if (images > 0) this.#stage.keep(run);
    say(images > 0 ? `A job is done: ${counted(images)} for ${credits(costOf(run))}.` : `A job ended without an image: ${run.title}`);
    this.#askCredits();
  }

  #begin(run) {
    showProblem(null);
    this.#composer.mark({});
    setBusy(true);
    say('Asking the provider…');
    this.#stage.add(this.#drawn(run));
    openTab('images');
    if (!isWide()) byId('panel-images').scrollIntoView({ behavior: 'smooth' });
  }

  async #follow(run, request) {
    for await (const event of generation(this.#api, request, this.#running.signal)) {
      if (event.type === 'head') run.head = event;
      else say(await this.#receive(run, event));
    }
  }

  /** Show a preview, an image, or that there is none, in its place, and return what to say of it. */
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
    return isFinal ? `Image ${event.index + 1} of ${run.images.length} is there.` : `Preview ${event.partial_image_index + 1}`;
  }

  #fail(run, error) {
    if (error.name === 'AbortError') {
      run.missing = 'cancelled';
      return say('Cancelled.');
    }
    for (const { index, message } of error.problems ?? []) if (run.images[index]) run.images[index].message = message;
    if (finished(run) === 0) this.#stage.drop(run);
    return this.#refuse(error);
  }

  #refuse(error) {
    const isCancelled = error.name === 'AbortError';
    const problem = isCancelled ? null : explain(error, { remaining: this.#remaining, ceiling: this.#composer.ceiling });
    showProblem(problem);
    this.#composer.mark(problem?.fields ?? {});
    say(isCancelled ? 'Cancelled.' : '');
  }

  #end(run) {
    this.#running = null;
    settle(run);
    run.seconds = (performance.now() - run.startedAt) / 1000;
    drawRun(run, this.#actions);
    this.#stage.drawHistory();
    setBusy(false);
    this.#askCredits();
  }

  #askCredits() {
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

/** Say of the images that have not come that they will not. */
function settle(run) {
  for (const image of run.images) if (!['done', 'flagged'].includes(image.state)) image.state = run.missing;
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
