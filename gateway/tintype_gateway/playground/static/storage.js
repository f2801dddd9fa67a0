/** What this browser keeps: the key, the form, and the choice between light and dark. */

const KEY = 'tintype.key';
const DRAFT = 'tintype.draft';
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
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
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
