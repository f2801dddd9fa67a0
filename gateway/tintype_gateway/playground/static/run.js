/** One request on the stage: its images as they sharpen, and what is to know about them. */

import { spoken, watermarkName } from './catalog.js';
import { button, copy, el, fill, icon, spaced } from './dom.js';
import { bytes, creditAmount, credits } from './money.js';
import { fileName } from './image.js';
import { edges } from './sizes.js';
import { comparison } from './compare.js';
import { SNIPPETS } from './snippets.js';

const WORDS = {
  waiting: 'Waiting for the provider',
  missing: 'This image was not made. It was not charged.',
  cancelled: 'Cancelled',
};

/** Return the run of a request that has just begun, with a place for each image. */
export function createRun(request, base) {
  const { model, operation, plain, images } = request;
  const title = request.title ?? plain.prompt ?? `${operation.label}: ${images.map(({ name }) => name).join(', ')}`;
  return {
    model,
    request,
    base,
    title,
    before: images[0]?.isShown ? URL.createObjectURL(images[0].file) : null,
    head: null,
    startedAt: performance.now(),
    seconds: null,
    missing: 'missing', // the state of those images that will not have come at the end
    node: el('article', { class: 'run', 'aria-label': `Images of: ${title}` }),
    images: Array.from({ length: plain.n }, (_, index) => ({
      index, state: 'waiting', file: null, facts: {}, message: null, plate: el('figure', { class: 'plate' }),
    })),
  };
}

/** Draw a run as it is now. `actions` are what can be done with its images. */
export function drawRun(run, actions) {
  for (const image of run.images) drawPlate(run, image, actions);
  const plates = run.images.map(({ plate }) => plate);
  fill(run.node, heading(run), el('div', { class: plates.length > 1 ? 'plates several' : 'plates' }, plates), factsOf(run));
}

/** Draw one image of a run, in the place that it has. */
export function drawPlate(run, image, actions) {
  const { plate, file, state } = image;
  plate.dataset.state = state;
  const frame = el('div', { class: 'frame' }, content(run, image));
  const [width, height] = file?.isShown ? [file.width, file.height] : askedSize(run.request);
  frame.style.setProperty('--ratio', String(width / height));
  fill(plate, frame, state === 'done' && caption(run, image, actions));
}

/** Return what a run cost so far, in micro-credits. */
export function costOf(run) {
  return run.images.reduce((sum, { facts }) => sum + (facts.usage?.credits_used ?? 0), 0);
}

/** Return how many of its images are finished. */
export function finished(run) {
  return run.images.filter((image) => image.state === 'done').length;
}

const NOT_SHOWN = 'An SVG may hold scripts, and is not shown here. Download it to see it.';

function content({ title, before }, { file, state, index, message, facts }) {
  if (file && !file.isShown) return el('p', { class: 'frame-text' }, NOT_SHOWN);
  if (state === 'partial') return el('img', { src: file.url, alt: `A preview of: ${title}` });
  if (state === 'flagged') return withheld(facts.flag_reason);
  if (state !== 'done') return el('p', { class: 'frame-text' }, message ?? WORDS[state]);
  if (before) return comparison(before, file.url, title);
  const label = `Open image ${index + 1} in full size`;
  const image = el('img', { src: file.url, alt: title });
  return el('a', { href: file.url, target: '_blank', rel: 'noopener', 'aria-label': label }, image);
}

function withheld(reason) {
  const told = 'The provider withheld this image. It was not charged.';
  return el('div', { class: 'frame-text' }, el('p', {}, told), reason && el('p', { dir: 'auto', class: 'muted' }, reason));
}

function caption(run, { index, file, facts }, actions) {
  const known = [
    file.isShown && `${file.width} × ${file.height}`,
    file.format?.toUpperCase(),
    bytes(file.bytes),
    facts.usage && credits(facts.usage.credits_used),
    hasSeed(facts) && `Seed ${facts.seed}`,
    `Watermark: ${watermarkName(facts.watermark)}`,
  ];
  const revised = facts.revised_prompt;
  const name = fileName(run.title, index, file.format);
  return el(
    'figcaption',
    {},
    el('p', { class: 'known' }, spaced(known.map((text) => text && el('span', {}, text)))),
    revised && el('details', {}, el('summary', {}, 'Revised prompt'), el('p', { dir: 'auto' }, revised)),
    el(
      'div',
      { class: 'actions' },
      el('a', { class: 'button quiet', href: file.url, download: name }, icon('download'), 'Download'),
      file.isShown && run.before && el('a', { class: 'button quiet', href: file.url, target: '_blank', rel: 'noopener' }, icon('open'), 'Open'),
      file.isShown && button('brush', 'Edit this image', () => actions.change(new File([file.blob], name, { type: file.blob.type }))),
      hasSeed(facts) && actions.takesSeed(run.model.id) && button('seed', 'Use this seed', () => actions.useSeed(facts.seed)),
    ),
  );
}

function hasSeed({ seed }) {
  return seed !== null && seed !== undefined;
}

function heading(run) {
  const cost = costOf(run);
  const known = [
    run.model.display_name,
    run.seconds !== null && `${run.seconds.toFixed(1)} s`,
    cost > 0 && `${creditAmount(cost)} credits`,
  ];
  return el(
    'header',
    {},
    el('div', {}, el('h2', {}, el('bdi', {}, run.title)), el('p', { class: 'muted' }, known.filter(Boolean).join(' · '))),
    el(
      'div',
      { class: 'actions' },
      run.request.body && SNIPPETS.map(({ name, write }) => copyButton(`Copy as ${name}`, () => write(run.request, run.base))),
    ),
  );
}

function copyButton(text, write) {
  return button('copy', text, (event) => copy(write(), event.currentTarget));
}

function factsOf({ head }) {
  if (!head) return null;
  const adjusted = head.adjustments.map((each) => el('li', {}, adjustmentText(each)));
  const rows = [
    head.route && ['Route', el('code', {}, head.route)],
    adjusted.length > 0 && ['Adjusted', el('ul', { class: 'adjustments' }, adjusted)],
    ['Request', el('code', {}, head.requestId)],
  ];
  return el('dl', { class: 'facts' }, rows.filter(Boolean).map(([term, value]) => el('div', {}, el('dt', {}, term), el('dd', {}, value))));
}

/** Say `quality=hd->high` in words. */
function adjustmentText(adjustment) {
  const [, name, change] = /^([^=]+)=(.*)$/.exec(adjustment) ?? [null, adjustment, ''];
  return change === 'stripped' ? `${spoken(name)}: this model has none` : `${spoken(name)}: ${change.replace('->', ' → ')}`;
}

/** Return the shape of the image that was asked for: that of image 1, or a square, where it is left open. */
function askedSize({ plain, images: [first] }) {
  if (/^\d+x\d+$/.test(plain.size ?? '')) return edges(plain.size);
  return first?.isShown ? [first.width, first.height] : [1, 1];
}
