/** The images of the session: the run that is looked at, the former ones, and what went wrong. */

import { byId, el, fill, icon } from './dom.js';

/** How many runs are kept. Their images are megabytes each. */
const MOST_RUNS = 24;

/** Return the stage, empty. */
export function createStage() {
  const runs = [];
  let shown = null;

  function show(run) {
    shown = run;
    fill(byId('run'), run?.node);
    drawHistory();
  }

  function add(run) {
    keep(run);
    show(run);
  }

  /** Keep a run beside the one that is looked at; show it if there is none. */
  function keep(run) {
    if (!runs.includes(run)) runs.unshift(run);
    for (const old of runs.splice(MOST_RUNS)) release(old);
    if (shown) drawHistory();
    else show(run);
  }

  function drawHistory() {
    const items = runs.filter((run) => run.images.some((image) => image.state === 'done'));
    byId('history').hidden = items.length === 0;
    fill(byId('history-list'), items.map((run) => el('li', {}, thumbnail(run, run === shown, () => show(run)))));
  }

  function drop(run) {
    runs.splice(runs.indexOf(run), 1);
    release(run);
    show(runs[0] ?? null);
  }

  return { add, keep, drop, drawHistory };
}

/** Show what went wrong, or nothing. */
export function showProblem(problem) {
  fill(
    byId('problem'),
    problem && el(
      'div',
      { class: 'problem' },
      icon('alert'),
      el('div', {}, el('h2', {}, problem.title), el('p', {}, problem.message), el('p', { class: 'advice' }, problem.advice)),
    ),
  );
}

/** Give back the memory of a run's images. */
function release(run) {
  for (const { file } of run.images) if (file) URL.revokeObjectURL(file.url);
  if (run.before) URL.revokeObjectURL(run.before);
}

function thumbnail(run, isShown, onclick) {
  const { file } = run.images.find((image) => image.state === 'done');
  return el(
    'button',
    { type: 'button', class: 'thumbnail', 'aria-current': isShown ? 'true' : null, onclick },
    file.isShown ? el('img', { src: file.url, alt: run.title }) : el('span', { class: 'no-thumbnail' }, run.title),
  );
}
