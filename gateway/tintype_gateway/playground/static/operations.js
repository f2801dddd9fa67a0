/** What a model can be asked for: a row each, under the names that `GET /v1/models` has for them. */

const ROWS = [
  {
    name: 'generation', label: 'Generate', path: 'v1/images/generations', quotePath: 'v1/images/quote',
    question: 'What should the image show?', missing: 'Say what the image should show.',
  },
  {
    name: 'edit', label: 'Edit', path: 'v1/images/edits', quotePath: 'v1/images/edits/quote',
    question: 'What should change, or what should the image show?', missing: 'Say what should change.',
  },
  {
    name: 'variation', label: 'Vary', path: 'v1/images/variations', quotePath: 'v1/images/variations/quote',
    question: '', missing: '',
  },
];

const NO_IMAGES = { min_images: 0, max_images: 0, mask: 'None', prompt: 'Required', input_formats: [] };

const FORMATS = { png: 'PNG', jpeg: 'JPEG', webp: 'WebP', heic: 'HEIC' };

/**
 * Return the operations of a model: `{name, label, path, quotePath, question, missing, rule}` each,
 * where `rule` is what the model takes for it. A model that lists none has the generation of images.
 */
export function operationsOf({ operations = {} }) {
  const own = ROWS.filter(({ name }) => name in operations);
  return (own.length ? own : ROWS.slice(0, 1)).map((row) => ({ ...row, rule: { ...NO_IMAGES, ...operations[row.name] } }));
}

/** Return the operation with a name, or the first one where the model does not have it. */
export function operationOf(model, name) {
  const own = operationsOf(model);
  return own.find((each) => each.name === name) ?? own[0];
}

/** Say whether an operation is done to images. */
export function takesImages({ rule }) {
  return rule.max_images > 0;
}

/** Return what is missing of a request, by the names of its fields: of `{prompt, images, hasMask}`. */
export function missing({ rule, missing: ask }, { prompt, images, hasMask }) {
  const problems = {};
  if (rule.prompt === 'Required' && !prompt) problems.prompt = ask;
  if (images < rule.min_images) problems.image = rule.min_images === 1 ? 'Choose an image.' : `Choose ${rule.min_images} images.`;
  if (images > rule.max_images) problems.image = `This model takes ${counted(rule.max_images)}: remove ${images - rule.max_images}.`;
  if (rule.mask === 'Required' && !hasMask) problems.mask = 'Paint what should change.';
  return problems;
}

/** Say how many images of which formats an operation takes. */
export function described({ rule }) {
  const { min_images: least, max_images: most, input_formats: formats } = rule;
  const count = least === most || most === 1 ? counted(most) : `${least} to ${counted(most)}`;
  return `${count}. The model takes ${formats.map((format) => FORMATS[format] ?? format).join(', ')}.`;
}

function counted(images) {
  return images === 1 ? '1 image' : `${images} images`;
}
