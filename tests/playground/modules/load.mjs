/** The page's modules, from a copy that Node.js takes for modules. */

export const load = (name) => import(new URL(`${name}.js`, process.env.PLAYGROUND).href);

/** A model as `GET /v1/models` shows it, with a few things changed. */
export function model(changes = {}) {
  const stripped = { handling: 'Strip' };
  const names = ['quality', 'style', 'background', 'output_format', 'output_compression', 'moderation', 'seed', 'negative_prompt'];
  return {
    id: 'canvas', display_name: 'Canvas', owned_by: 'tintype', aliases: [], active: true, created: 0,
    supported_features: ['image_generation'], operations: { generation: { prompt: 'Required' } }, output_modality: { image: true, text: false }, watermark: 'none',
    limits: { max_images_per_request: 10, max_prompt_characters: 32000, max_partial_images: 0 },
    size: { mode: 'List', sizes: ['1024x1024', '1536x1024'] },
    lifecycle: { state: 'Active', deprecated_on: null, retires_on: null, replacement: null },
    cost: { type: 'per_image', usd: '0.040' }, providers: [{ provider: 'openai' }],
    ...changes,
    parameters: { ...Object.fromEntries(names.map((name) => [name, stripped])), ...changes.parameters },
  };
}

/** What a model takes for edits, with a few things changed. */
export const editRule = (changes = {}) => ({
  min_images: 1, max_images: 1, mask: 'None', prompt: 'Required', input_formats: ['png', 'jpeg'], ...changes,
});
