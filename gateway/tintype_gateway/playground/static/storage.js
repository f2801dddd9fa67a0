/** What this browser keeps: the key, the form, the ids of jobs, and the choice between light and dark. */

const KEY = 'tintype.key';
const DRAFT = 'tintype.draft';
const JOBS = 'tintype.jobs';
const THEME = 'tintype.theme';

/** Return the key that was kept, for this tab or on this device. */
export function keptKey() {
  return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
}

/** Keep a key until the tab is closed, or on this device until it is forgotten. */
export function keepKey(key, onThisDevice) {
  forgetKey();
  (onThisDevice ? localStorage : sessionStorage).setItem(KEY, key);
}

/** Forget the key, and what its owner wrote. */
export function forgetKey() {
  sessionStorage.removeItem(DRAFT);
  for (const place of [sessionStorage, localStorage]) {
    place.removeItem(KEY);
    place.removeItem(JOBS);
  }
}

/** Return the ids of the jobs that were submitted here. */
export function keptJobs() {
  return JSON.parse(placeOfKey().getItem(JOBS) ?? '[]');
}

/** Keep the ids of jobs as long as the key. */
export function keepJobs(ids) {
  if (ids.length) placeOfKey().setItem(JOBS, JSON.stringify(ids));
  else placeOfKey().removeItem(JOBS);
}

function placeOfKey() {
  return localStorage.getItem(KEY) ? localStorage : sessionStorage;
}

/** Return the form as it was before the page was loaded again: `{model, operation, prompt, values}`. */
export function keptDraft() {
  return JSON.parse(sessionStorage.getItem(DRAFT) ?? '{}');
}

/** Keep the form until the tab is closed. */
export function keepDraft(draft) {
  sessionStorage.setItem(DRAFT, JSON.stringify(draft));
}

/** Change between light and dark. What the system wants anyway is not kept as a choice. */
export function toggleTheme() {
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const root = document.documentElement;
  const next = (root.dataset.theme ?? system) === 'dark' ? 'light' : 'dark';
  if (next === system) {
    delete root.dataset.theme;
    localStorage.removeItem(THEME);
  } else {
    root.dataset.theme = next;
    localStorage.setItem(THEME, next);
  }
}
