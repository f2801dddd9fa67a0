/** What the form asks for one model, and what its values mean as a request. */

import { spoken } from './catalog.js';
import { takesImages } from './operations.js';
import { CUSTOM, LIKE_IMAGE, bounds, shapes, sizeOf } from './sizes.js';

const LABELS = {
  quality: 'Quality',
  style: 'Style',
  background: 'Background',
  output_format: 'Format',
  moderation: 'Moderation',
  input_fidelity: 'Fidelity to the images',
};

/** Qualities by the effort they mean: a catalog has them in any order. */
const EFFORTS = ['low', 'standard', 'medium', 'high', 'hd', 'premium', 'xhigh', 'max'];

/** Those that few people touch, folded away. */
const FINE = new Set(['background', 'moderation', 'output_compression', 'seed', 'negative_prompt', 'partial_images']);

/** Parameters of providers that are fields of the form already. */
const ELSEWHERE = new Set([
  'seed', 'width', 'height', 'quality', 'negativeText', 'style', 'style_preset', 'aspectRatio', 'aspect_ratio', 'imageSize',
]);

/** What a provider's task is about, and is not folded away. */
const ESSENTIAL = new Set(['search_prompt', 'select_prompt', 'maskPrompt', 'colors', 'left', 'right', 'up', 'down']);

/**
 * Return the fields of the form for an operation of a model: `{name, kind, label, fine, ...}` each,
 * where `kind` is `choice` (with `options`), `number` (`min`, `max`), `range`, `text` or `word`.
 */
export function fieldsOf(model, operation) {
  const names = Object.keys(LABELS).filter((name) => name !== 'input_fidelity' || takesFidelity(operation));
  const choices = names.map((name) => choiceOf(name, model));
  const own = takesImages(operation) ? ownFields(model) : [];
  const all = [...sizeFields(model.size, operation), countField(model), ...choices, ...otherFields(model), ...own];
  return all.filter(Boolean).map((field) => ({ ...field, fine: field.fine ?? FINE.has(field.name) }));
}

/** Return the values that a form begins with: the former ones as far as the model has them. */
export function valuesOf(fields, former = {}) {
  return Object.fromEntries(
    fields.map((field) => [field.name, isPossible(field, former[field.name]) ? former[field.name] : field.initial]),
  );
}

/** Return the fields of a request for a prompt and the values of the form, but for its images. */
export function requestOf(model, operation, prompt, values) {
  const names = [...Object.keys(LABELS), 'seed', 'negative_prompt'];
  const told = operation.rule.prompt === 'None' ? undefined : prompt;
  const body = { model: model.id, prompt: told, n: values.n, size: sizeOf(model.size, values) };
  for (const name of names) body[name] = values[name];
  if (isLossy(values)) body.output_compression = values.output_compression;
  const own = takesImages(operation) ? ownFields(model) : [];
  for (const { name, path } of own) if (values[name]) put(body, path, valueOf(path, values[name]));
  const given = Object.entries(body).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(given);
}

function put(body, [name, part], value) {
  body[name] = part ? { ...body[name], [part]: value } : value;
}

/** Say whether the chosen format is one that can be compressed more or less. */
export function isLossy({ output_format: format }) {
  return format === 'jpeg' || format === 'webp';
}

/** Say whether images of the chosen format come in a stream: providers have none for these two. */
export function isStreamed({ output_format: format }) {
  return format !== 'gif' && format !== 'svg';
}

/** Say whether a model sends images before they are finished. */
export function hasPreviews(model) {
  return model.limits.max_partial_images > 0;
}

/** Only the edits of a model have a fidelity, among all that it does with images. */
function takesFidelity(operation) {
  return takesImages(operation) && operation.rule.prompt !== 'None';
}

/** Return a field for each parameter that only the provider has, and whose name `path` tells. */
function ownFields({ provider_parameters: parameters = {} }) {
  const paths = Object.entries(parameters).flatMap(([name, parts]) => (parts.length ? parts.map((part) => [name, part]) : [[name]]));
  return paths
    .filter((path) => !ELSEWHERE.has(path.at(-1)))
    .map((path) => ownField(path, path.at(-1)));
}

function ownField(path, name) {
  const hint = name === 'colors' ? 'Separated by commas, such as #c96f2e, #2a4858' : undefined;
  return { name: path.join('.'), path, kind: 'word', label: spoken(inWords(name)), hint, initial: '', fine: !ESSENTIAL.has(name) };
}

/** Return the value that a text stands for: colors are a list, and objects and lists are JSON. */
function valueOf(path, text) {
  if (path.at(-1) === 'colors') return text.split(',').map((color) => color.trim());
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text; // it is still being typed, or the provider says what is wrong with it
  }
}

/** Return `maskPrompt` as `mask prompt`. */
function inWords(name) {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function sizeFields(rule, operation) {
  const own = shapes(rule);
  if (own.length === 0) return [];
  const options = takesImages(operation) ? [{ value: LIKE_IMAGE, label: 'As image 1' }, ...own] : own;
  const square = own.find(({ shape }) => shape && shape[0] === shape[1]) ?? own[0];
  const shape = { name: 'shape', kind: 'choice', label: 'Size', options, initial: takesImages(operation) ? LIKE_IMAGE : square.value };
  const when = ({ shape }) => shape === CUSTOM;
  const edge = { kind: 'number', isShort: true, min: rule.min_edge ?? 1, max: rule.max_edge, step: rule.multiple_of ?? 1, when };
  return [
    shape,
    rule.mode === 'Pixels' && { ...edge, name: 'width', label: 'Width', initial: 1280 },
    rule.mode === 'Pixels' && { ...edge, name: 'height', label: 'Height', initial: 720, hint: bounds(rule) },
    resolutionField(rule.resolutions ?? []),
  ];
}

function resolutionField(resolutions) {
  if (resolutions.length < 2) return null;
  const options = resolutions.map((value) => ({ value, label: value }));
  const when = ({ shape }) => shape !== LIKE_IMAGE;
  return { name: 'resolution', kind: 'choice', label: 'Resolution', options, initial: resolutions[0], when };
}

/** A choice among a model's own values: clients know more words, but these are all there is. */
function choiceOf(name, model) {
  const rule = name === 'output_format' ? convertible(model.parameters[name]) : model.parameters[name];
  if (rule?.handling !== 'Map') return null;
  const own = [...new Set(Object.values(rule.values))].filter((value) => value !== 'auto');
  const words = own.map((value) => (value in rule.values ? value : firstWordFor(value, rule.values)));
  words.sort((one, other) => EFFORTS.indexOf(one) - EFFORTS.indexOf(other));
  const unset = { value: '', label: 'auto' in rule.values ? 'Auto' : 'Default' };
  const options = [unset, ...words.map((value) => ({ value, label: label(value, name) }))];
  return { name, kind: 'choice', label: LABELS[name], options, initial: '' };
}

/** The gateway converts a format that a model does not make by itself. */
function convertible(rule) {
  if (rule.handling === 'Reject') return rule;
  const words = ['png', 'jpeg', 'webp', ...['gif', 'svg'].filter((word) => word in (rule.values ?? {}))];
  return { handling: 'Map', values: Object.fromEntries(words.map((word) => [word, word])) };
}

function firstWordFor(value, values) {
  return Object.keys(values).find((word) => values[word] === value);
}

function label(value, name) {
  return name === 'output_format' ? value.toUpperCase().replace('WEBP', 'WebP') : spoken(value);
}

function countField({ limits }) {
  return { name: 'n', kind: 'number', label: 'Images', min: 1, max: limits.max_images_per_request, initial: 1, isShort: true };
}

function otherFields(model) {
  const { output_compression: compression, seed, negative_prompt: negative } = model.parameters;
  const previews = Array.from({ length: model.limits.max_partial_images + 1 }, (_, value) => value);
  const numbers = previews.map((value) => ({ value, label: value === 0 ? 'Off' : String(value) }));
  return [
    hasPreviews(model) && {
      name: 'partial_images', kind: 'choice', label: 'Live previews', options: numbers, initial: Math.min(2, previews.length - 1), when: isStreamed,
      hint: 'Unfinished images on the way, which cost a few tokens each',
    },
    compression.handling !== 'Reject' && {
      name: 'output_compression', kind: 'range', label: 'Compression quality', min: 0, max: 100, initial: 90, when: isLossy,
    },
    taken(seed) && {
      name: 'seed', kind: 'number', label: 'Seed', min: seed.minimum ?? 0, max: seed.maximum, initial: undefined,
      hint: 'The same number makes the same image again',
    },
    taken(negative) && { name: 'negative_prompt', kind: 'text', label: 'Without', initial: '', hint: 'What the image should not show' },
  ];
}

function taken(rule) {
  return rule?.handling === 'Accept' || rule?.handling === 'Clamp';
}

function isPossible(field, value) {
  if (value === undefined) return false;
  if (field.kind === 'choice') return field.options.some((option) => option.value === value);
  return ['text', 'word'].includes(field.kind) || (value >= field.min && value <= (field.max ?? Infinity));
}
