/** The page: a key first, then the studio. */

import { ApiError, explain } from './advice.js';
import { createApi } from './api.js';
import { byId } from './dom.js';
import { forgetKey, keepKey, keptKey, toggleTheme } from './storage.js';
import { openStudio } from './studio.js';

const BASE = new URL('.', document.baseURI).href;

/** Open the studio with a key, or tell what is wrong with it. */
async function connect(key, keep = () => {}) {
  const api = createApi(BASE, key);
  try {
    const account = await api.credits();
    keep();
    await openStudio(api, account, BASE);
    show('studio');
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) forgetKey();
    show('welcome');
    refuse(error);
  }
}

function show(name) {
  const isOpen = name === 'studio';
  byId('welcome').hidden = isOpen;
  for (const id of ['studio', 'account', 'forget']) byId(id).hidden = !isOpen;
  byId(isOpen ? 'prompt' : 'key').focus();
}

function refuse(error) {
  const { title, advice } = explain(error);
  byId('key-error').textContent = `${title}. ${advice}`;
  byId('key').setAttribute('aria-invalid', 'true');
  byId('key').focus();
}

byId('key-form').onsubmit = (event) => {
  event.preventDefault();
  const key = byId('key').value.trim();
  byId('key-error').textContent = '';
  byId('key').removeAttribute('aria-invalid');
  if (/^[\x21-\x7e]+$/.test(key)) connect(key, () => keepKey(key, byId('remember').checked));
  else refuse(new ApiError(401, { error: { code: 'invalid_api_key' } }));
};

byId('forget').onclick = () => {
  forgetKey();
  location.reload();
};

byId('theme').onclick = toggleTheme;

const kept = keptKey();
if (kept) connect(kept);
else show('welcome');
