/** The list of the jobs that this page has submitted, and what keeps it up to date. */

import { arrange, button, byId, el, fill } from './dom.js';
import { followed, hasEnded, pauseBetweenLooks, wordsFor } from './jobs.js';
import { credits } from './money.js';
import { finished } from './run.js';
import { keepJobs, keptJobs } from './storage.js';
import { hideTab } from './tabs.js';

/** How many jobs are listed. Their images are megabytes each. */
const MOST_JOBS = 24;

/** A browser has six connections to a gateway: the other jobs are looked at, not followed. */
const MOST_STREAMS = 3;

/** After this many streams that broke off without an event, the end of a job is waited for instead. */
const MOST_FAILURES = 2;

/**
 * The jobs of this page. `hooks` are `receive(run, event)`, `ended(entry)`, `show(run)` and
 * `fail(error)`.
 */
export class JobList {
  #api;
  #hooks;
  #pause;
  #timer = null;
  #entries = [];
  #unread = []; // the ids of those that the gateway did not tell of; the next visit asks again

  constructor(api, account, hooks) {
    this.#api = api;
    this.#hooks = hooks;
    this.#pause = pauseBetweenLooks(account);
    hideTab('jobs', true);
  }

  /** List the jobs that were submitted before the page was loaded again. `runOf` makes their runs. */
  async restore(runOf) {
    const ids = keptJobs();
    const found = await Promise.allSettled(ids.map((id) => this.#api.job(id)));
    this.#unread = ids.filter((_, index) => found[index].reason && !isGone(found[index].reason));
    for (const { value: job } of found.reverse()) if (job) this.#list(job, runOf(job), !hasEnded(job));
    this.#changed();
  }

  /** List a job that was just submitted, with the run that shows its images. */
  add(job, run) {
    this.#list(job, run, true);
    this.#changed();
  }

  #list(job, run, isWanted) {
    const parts = ['job-preview', 'job-text', 'actions'].map((name) => el('div', { class: name }));
    const node = el('li', { class: 'job', id: job.id, tabindex: '-1' }, parts);
    this.#entries.unshift({ job, run, isWanted, node, buttons: {}, last: 0, failures: 0, isFollowed: false, isLoaded: false, isRemoved: false });
    for (const old of this.#entries.splice(MOST_JOBS)) old.isRemoved = true;
  }

  /** Show the list, keep the ids, and do what is due. */
  #changed() {
    keepJobs([...this.#entries.map(({ job }) => job.id), ...this.#unread]);
    hideTab('jobs', this.#entries.length === 0);
    arrange(byId('job-list'), this.#entries.map(({ node }) => node));
    for (const entry of this.#entries) this.#draw(entry);
    this.#work();
  }

  #work() {
    const waiting = this.#entries.filter(isDue);
    const free = MOST_STREAMS - this.#entries.filter(({ isFollowed }) => isFollowed).length;
    for (const entry of waiting.slice(0, Math.max(0, free))) this.#follow(entry);
    const isOpen = this.#entries.some((entry) => isDue(entry) || (!hasEnded(entry.job) && !entry.isFollowed));
    if (isOpen && this.#timer === null) this.#timer = setTimeout(() => this.#look(), this.#pause);
  }

  /** Look at all jobs that no stream tells of. */
  async #look() {
    const looked = this.#entries.filter(({ job, isFollowed }) => !isFollowed && !hasEnded(job));
    await Promise.allSettled(looked.map((entry) => this.#refresh(entry)));
    this.#timer = null;
    this.#work();
  }

  async #refresh(entry) {
    try {
      entry.job = await this.#api.job(entry.job.id);
      this.#draw(entry);
    } catch (error) {
      if (isGone(error)) this.#remove(entry);
      throw error;
    }
  }

  async #follow(entry) {
    entry.isFollowed = true;
    try {
      for await (const event of followed(this.#api, entry.job.id, entry.last)) {
        await this.#hooks.receive(entry.run, event);
        entry.last = event.number;
        entry.failures = 0;
        this.#draw(entry);
      }
      await this.#refresh(entry);
      entry.isLoaded = hasEnded(entry.job);
    } catch {
      entry.failures += 1;
      await this.#refresh(entry).catch(() => {});
    }
    entry.isFollowed = false;
    if (entry.isLoaded) this.#end(entry);
    this.#draw(entry);
    this.#work();
  }

  #end(entry) {
    if (entry.job.status === 'cancelled') entry.run.missing = 'cancelled';
    if (!entry.isRemoved) this.#hooks.ended(entry);
  }

  async #cancel(entry) {
    try {
      entry.job = await this.#api.cancelJob(entry.job.id);
    } catch (error) {
      this.#hooks.fail(error);
    }
    this.#draw(entry);
    this.#work();
  }

  #load(entry) {
    entry.isWanted = true;
    entry.failures = 0;
    this.#hooks.show(entry.run);
    this.#work();
  }

  #remove(entry) {
    const hadFocus = entry.node.contains(document.activeElement);
    const at = this.#entries.indexOf(entry);
    entry.isRemoved = true;
    this.#entries = this.#entries.filter((each) => each !== entry);
    this.#changed();
    if (hadFocus) (this.#entries[at]?.node ?? this.#entries.at(-1)?.node ?? byId('tab-models')).focus();
  }

  #draw(entry) {
    const { job, run, node } = entry;
    const [thumbnail, text, actions] = node.children;
    const hadFocus = actions.contains(document.activeElement);
    const done = finished(run);
    const cost = job.usage && credits(job.usage.credits_used);
    node.dataset.state = job.status;
    fill(thumbnail, preview(run));
    fill(
      text,
      el('h3', {}, el('bdi', {}, run.title)),
      el('p', { class: 'muted' }, [run.model.display_name, wordsFor(job, done), cost].filter(Boolean).join(' · ')),
      !hasEnded(job) && el('progress', { max: job.request.n, value: job.status === 'queued' ? 0 : done || null, 'aria-label': `Images of: ${run.title}` }),
    );
    arrange(actions, this.#buttons(entry));
    if (hadFocus && !actions.contains(document.activeElement)) node.focus();
    const open = this.#entries.filter((each) => !hasEnded(each.job)).length;
    byId('tab-jobs').textContent = open ? `Jobs (${open})` : 'Jobs';
  }

  /** Return the buttons that a job has now: the same ones as long as it has them. */
  #buttons(entry) {
    const { job, run, buttons } = entry;
    const about = (text) => ({ 'aria-label': `${text}: ${run.title}` });
    buttons.show ??= button('image', 'Show', () => this.#load(entry), about('Show'));
    buttons.cancel ??= button('stop', 'Cancel', () => this.#cancel(entry), about('Cancel'));
    buttons.remove ??= button('close', 'Remove', () => this.#remove(entry), about('Remove'));
    const mayShow = run.images.some(({ file }) => file) || job.status === 'completed';
    return [mayShow && buttons.show, !hasEnded(job) && !job.cancel_requested && buttons.cancel, hasEnded(job) && buttons.remove];
  }
}

/** Say whether an error means that there is no such job any more. */
function isGone({ status }) {
  return status === 404;
}

/** Say whether a job's stream should be read now. */
function isDue({ job, isFollowed, isLoaded, isWanted, failures }) {
  if (isFollowed || isLoaded || !isWanted || failures > 2 * MOST_FAILURES) return false;
  return hasEnded(job) || (job.status === 'in_progress' && failures < MOST_FAILURES);
}

/** Return the newest image or preview of a run that can be shown. */
function preview({ images }) {
  const { file } = images.findLast((image) => image.file?.isShown) ?? {};
  return file && el('img', { src: file.url, alt: '' });
}
