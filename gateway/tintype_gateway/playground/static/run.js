/** One request on the stage: its images as they sharpen, and what is to know about them. */

import { spoken, watermarkName } from './catalog.js';
import { button, copy, el, fill, icon, spaced } from './dom.js';
import { bytes, creditAmount, credits } from './money.js';
import { fileName } from './image.js';
import { edges } from './sizes.js';
import { curlOf, pythonOf } from './snippets.js';

const WORDS = {
  waiting: 'Waiting for the provider',
  missing: 'This image was not made. It was not charged.',
  cancelled: 'Cancelled',
};

/** Return a run that has just begun, with a place for each image. */
export function createRun(model, body, base) {
  return {
    model,
    body,
    base,
    head: null,
    startedAt: performance.now(),
    seconds: null,
    missing: 'missing', // the state of those images that will not have come at the end
    node: el('article', { class: 'run', 'aria-label': `Images of: ${body.prompt}` }),
    images: Array.from({ length: body.n }, (_, index) => ({
      index, state: 'waiting', file: null, facts: {}, message: null, plate: el('figure', { class: 'plate' }),
    })),
  };
}

/** Draw a run as it is now. `seeds` knows which of them can be used again. */
export function drawRun(run, seeds) {
  for (const image of run.images) drawPlate(run, image, seeds);
  const plates = run.images.map(({ plate }) => plate);
  fill(run.node, heading(run), el('div', { class: plates.length > 1 ? 'plates several' : 'plates' }, plates), factsOf(run));
}

/** Draw one image of a run, in the place that it has. */
export function drawPlate(run, image, seeds) {
  const { plate, file, state } = image;
  plate.dataset.state = state;
  const frame = el('div', { class: 'frame' }, content(run, image));
  const [width, height] = file?.isShown ? [file.width, file.height] : askedSize(run.body);
  frame.style.setProperty('--ratio', String(width / height));
  fill(plate, frame, state === 'done' && caption(run, image, seeds));
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

function content({ body }, { file, state, index, message, facts }) {
  if (file && !file.isShown) return el('p', { class: 'frame-text' }, NOT_SHOWN);
  if (state === 'partial') return el('img', { src: file.url, alt: `A preview of: ${body.prompt}` });
  if (state === 'flagged') return withheld(facts.flag_reason);
  if (state !== 'done') return el('p', { class: 'frame-text' }, message ?? WORDS[state]);
  const label = `Open image ${index + 1} in full size`;
  const image = el('img', { src: file.url, alt: body.prompt });
  return el('a', { href: file.url, target: '_blank', rel: 'noopener', 'aria-label': label }, image);
}

function withheld(reason) {
  const told = 'The provider withheld this image. It was not charged.';
  return el('div', { class: 'frame-text' }, el('p', {}, told), reason && el('p', { dir: 'auto', class: 'muted' }, reason));
}

function caption(run, { index, file, facts }, seeds) {
  const known = [
    file.isShown && `${file.width} × ${file.height}`,
    file.format?.toUpperCase(),
    bytes(file.bytes),
    facts.usage && credits(facts.usage.credits_used),
    hasSeed(facts) && `Seed ${facts.seed}`,
    `Watermark: ${watermarkName(facts.watermark)}`,
  ];
  const revised = facts.revised_prompt;
  const address = { href: file.url, download: fileName(run.body.prompt, index, file.format) };
  return el(
    'figcaption',
    {},
    el('p', { class: 'known' }, spaced(known.map((text) => text && el('span', {}, text)))),
    revised && el('details', {}, el('summary', {}, 'Revised prompt'), el('p', { dir: 'auto' }, revised)),
    el(
      'div',
      { class: 'actions' },
      el('a', { class: 'button quiet', ...address }, icon('download'), 'Download'),
      hasSeed(facts) && seeds.takesSeed(run.model.id) && button('seed', 'Use this seed', () => seeds.useSeed(facts.seed)),
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
    el('div', {}, el('h2', {}, el('bdi', {}, run.body.prompt)), el('p', { class: 'muted' }, known.filter(Boolean).join(' · '))),
    el(
      'div',
      { class: 'actions' },
      copyButton('Copy as curl', () => curlOf(run.body, run.base)),
      copyButton('Copy as Python', () => pythonOf(run.body, run.base)),
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
    ['Route', el('code', {}, head.route)],
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

/** Return the shape of the image that was asked for, a square where it is left open. */
function askedSize({ size }) {
  return /^\d+x\d+$/.test(size ?? '') ? edges(size) : [1, 1];
}
