/** The sizes of a model as choices, from the `size` of `GET /v1/models/{id}`. */

const EDGES = { 512: 512, '1k': 1024, '1.5k': 1536, '2k': 2048, '4k': 4096 };

const PRESETS = ['1024x1024', '1536x1024', '1024x1536', '1920x1088', '1088x1920', '2048x2048'];

/** The choice that opens two fields for width and height. */
export const CUSTOM = 'custom';

/** The choice that leaves the size to the server, which takes that of the first image. */
export const LIKE_IMAGE = '';

/** Return the shapes on offer: `{value, label, shape: [width, height]}` each. */
export function shapes(rule) {
  const auto = rule.accepts_auto ? [{ value: 'auto', label: 'Auto' }] : [];
  switch (rule.mode) {
    case 'List':
      return [...rule.sizes.map(sized), ...auto];
    case 'AspectRatio':
      return Object.entries(rule.ratios).map(([ratio, size]) => ({ value: ratio, label: ratio, shape: edges(size) }));
    case 'Pixels':
      return [...PRESETS.filter((size) => fits(rule, size)).map(sized), ...auto, { value: CUSTOM, label: 'Custom' }];
    default:
      return [];
  }
}

/** Return the `size` of a request for what was chosen; undefined leaves it to the server. */
export function sizeOf(rule, { shape, resolution, width, height }) {
  if (rule.mode === 'None' || shape === LIKE_IMAGE) return undefined;
  if (shape === CUSTOM) return `${width}x${height}`;
  if (rule.mode !== 'AspectRatio') return shape;
  const [first] = rule.resolutions ?? [];
  const scale = resolution && first ? EDGES[resolution.toLowerCase()] / EDGES[first.toLowerCase()] : 1;
  return edges(rule.ratios[shape]).map((edge) => Math.floor(edge * scale)).join('x');
}

/** Say what a width and a height must fit into, for a model whose sizes have bounds. */
export function bounds(rule) {
  const { min_edge: least = 1, max_edge: most, multiple_of: step = 1, max_aspect_ratio: ratio } = rule;
  const range = `Edges of ${least > 1 ? `${least} to ` : 'up to '}${most} pixels`;
  return [range, step > 1 && `in steps of ${step}`, ratio && `at most ${ratio}`].filter(Boolean).join(', ');
}

/** Return the width and height in `1024x1536`. */
export function edges(size) {
  return size.split('x').map(Number);
}

function sized(size) {
  return { value: size, label: size.replace('x', ' × '), shape: edges(size) };
}

function fits(rule, size) {
  const [width, height] = edges(size);
  const [long, short] = (rule.max_aspect_ratio ?? '999:1').split(':').map(Number);
  const step = rule.multiple_of ?? 1;
  return [
    width % step === 0 && height % step === 0,
    Math.min(width, height) >= (rule.min_edge ?? 1),
    Math.max(width, height) <= rule.max_edge,
    width * height >= (rule.min_pixels ?? 1) && width * height <= rule.max_pixels,
    Math.max(width, height) * short <= Math.min(width, height) * long,
  ].every(Boolean);
}
