/** The models to choose from, with what tells them apart. */

import { badges, filtered, offered, providerName, spoken } from './catalog.js';
import { byId, el, fill } from './dom.js';
import { priceOf } from './prices.js';

/** Show the models, and call `choose` with the one that is chosen. */
export function createGallery(models, choose) {
  const inputs = {
    text: byId('filter-text'),
    provider: byId('filter-provider'),
    feature: byId('filter-feature'),
    active: byId('filter-active'),
  };
  const { providers, features } = offered(models);
  fill(inputs.provider, option('', 'All providers'), providers.map((slug) => option(slug, providerName(slug))));
  fill(inputs.feature, option('', 'All features'), features.map((slug) => option(slug, spoken(slug))));
  let chosen = null;

  function show() {
    const filter = {
      text: inputs.text.value,
      provider: inputs.provider.value,
      feature: inputs.feature.value,
      activeOnly: inputs.active.checked,
    };
    const found = filtered(models, filter);
    fill(byId('gallery'), found.map((model) => card(model, model.id === chosen, choose)));
    const count = found.length === models.length ? `${models.length} models` : `${found.length} of ${models.length} models`;
    byId('gallery-count').textContent = found.length ? count : 'No model fits these filters.';
  }

  for (const input of Object.values(inputs)) input.oninput = show;
  return {
    mark(model) {
      chosen = model.id;
      show();
    },
    search(feature) {
      if (feature) {
        inputs.feature.value = feature;
        show();
      }
      inputs.text.focus();
    },
  };
}

/** Return the badges of a model as a list. */
export function badgesOf(model) {
  return el(
    'ul',
    { class: 'badges' },
    badges(model).map(({ text, tone, title }) => el('li', { class: `badge ${tone}`, title: title || null }, text)),
  );
}

/** Return the price of a model. */
export function priceTag(model) {
  const { amount, unit } = priceOf(model.cost);
  return el('p', { class: 'price' }, el('strong', {}, amount), unit && ` ${unit}`);
}

function card(model, isChosen, choose) {
  const name = el('strong', { class: 'card-name' }, model.display_name);
  const makers = [...new Set(model.providers.map((each) => providerName(each.provider)))];
  const pick = el(
    'button',
    {
      type: 'button',
      class: 'card',
      'aria-pressed': String(isChosen),
      'aria-disabled': String(!model.active),
      onclick: () => model.active && choose(model),
    },
    el('span', { class: 'card-head' }, name, ' ', el('code', {}, model.id)),
    ' ',
    badgesOf(model),
    el('span', { class: 'card-foot' }, priceTag(model), ' ', el('span', { class: 'providers' }, makers.join(' · ') || 'No provider')),
  );
  return el('li', {}, pick);
}

function option(value, text) {
  return el('option', { value }, text);
}
