/** The fields of a model's form as parts of the page. */

import { el, fill, icon } from './dom.js';

/** More choices than this are a list to open: of words, and of the shapes of images. */
const MOST_WORDS = 7;
const MOST_SHAPES = 14;

/**
 * Show fields in a container. `values` is changed as people type, and `changed` is called then.
 */
export function showFields(container, fields, values, changed) {
  const parts = fields.map((field) => ({ field, node: part(field, values, update) }));
  fill(container, parts.map(({ node }) => node));

  function update(name, value) {
    values[name] = value;
    show();
    changed();
  }

  function show() {
    for (const { field, node } of parts) node.hidden = Boolean(field.when && !field.when(values));
  }

  show();
}

/** Mark the fields that an error names, and unmark all others. */
export function markFields(form, problems) {
  for (const node of form.querySelectorAll('.field-error')) {
    const message = problems[node.dataset.param ?? 'prompt'] ?? '';
    node.textContent = message;
    const input = form.querySelector(`[aria-describedby~="${node.id}"]`);
    input?.toggleAttribute('aria-invalid', Boolean(message));
    if (message) node.closest('details')?.setAttribute('open', '');
  }
}

function part(field, values, update) {
  switch (field.kind) {
    case 'choice':
      return isLong(field) ? picker(field, values, update) : chips(field, values, update);
    case 'text':
      return labelled(field, el('textarea', { ...described(field), rows: 2, oninput: told(field, update, String) }, values[field.name]));
    case 'word':
      return labelled(field, el('input', { ...described(field), value: values[field.name], oninput: told(field, update, String) }));
    case 'range':
      return slider(field, values, update);
    default:
      return labelled(field, numberInput(field, values, update));
  }
}

function chips(field, values, update) {
  const options = field.options.map(({ value, label, shape }) => {
    const input = el('input', {
      type: 'radio',
      name: field.name,
      value: String(value),
      checked: values[field.name] === value,
      onchange: () => update(field.name, value),
    });
    return el('label', { class: 'chip' }, input, shape && glyph(shape), label);
  });
  const legend = el('legend', {}, field.label);
  return el('fieldset', { class: 'field', ...described(field) }, legend, el('div', { class: 'chips' }, options), ...notes(field));
}

function isLong({ options }) {
  return options.length > (options[0].shape ? MOST_SHAPES : MOST_WORDS);
}

/** Return the outline of an image of that shape. */
function glyph([width, height]) {
  const node = el('span', { class: 'glyph', 'aria-hidden': 'true' });
  const longer = Math.max(width, height);
  node.style.setProperty('--w', String(width / longer));
  node.style.setProperty('--h', String(height / longer));
  return node;
}

function picker(field, values, update) {
  const options = field.options.map(({ value, label }) =>
    el('option', { value, selected: values[field.name] === value }, label),
  );
  return labelled(field, el('select', { ...described(field), onchange: told(field, update, String) }, options));
}

function slider(field, values, update) {
  const shown = el('output', {}, `${values[field.name]} %`);
  const input = el('input', {
    type: 'range',
    min: field.min,
    max: field.max,
    value: values[field.name],
    ...described(field),
    oninput: (event) => {
      shown.textContent = `${event.target.value} %`;
      update(field.name, Number(event.target.value));
    },
  });
  return labelled(field, el('div', { class: 'slider' }, input, shown), input);
}

function numberInput(field, values, update) {
  const asNumber = (text) => (text === '' ? undefined : Number(text));
  return el('input', {
    type: 'number',
    inputmode: 'numeric',
    min: field.min,
    max: field.max,
    step: field.step ?? 1,
    value: values[field.name],
    placeholder: field.initial === undefined ? 'Any' : null,
    ...described(field),
    oninput: told(field, update, asNumber),
  });
}

function told(field, update, read) {
  return (event) => update(field.name, read(event.target.value));
}

function labelled(field, node, input = node) {
  input.id = `field-${field.name}`;
  const dice = field.name === 'seed' && el(
    'button',
    { type: 'button', class: 'button icon-only', 'aria-label': 'Throw the dice for a seed', onclick: () => throwDice(input, field) },
    icon('dice'),
  );
  const row = dice ? el('div', { class: 'with-button' }, node, dice) : node;
  return el('div', { class: field.isShort ? 'field short' : 'field' }, el('label', { for: input.id }, field.label), row, ...notes(field));
}

function throwDice(input, field) {
  input.value = String(field.min + Math.floor(Math.random() * Math.min(field.max - field.min, 999_999)));
  input.dispatchEvent(new Event('input'));
}

/** Every field has a place for what is wrong with it, named after the request's own field. */
function notes(field) {
  const param = { shape: 'size', width: 'width', height: 'height', resolution: '' }[field.name] ?? field.name;
  return [
    field.hint && el('p', { class: 'hint', id: `hint-${field.name}` }, field.hint),
    el('p', { class: 'field-error', id: `error-${field.name}`, 'data-param': param }),
  ].filter(Boolean);
}

function described(field) {
  return { 'aria-describedby': `${field.hint ? `hint-${field.name} ` : ''}error-${field.name}` };
}
