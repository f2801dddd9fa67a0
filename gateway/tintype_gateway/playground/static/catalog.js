/** The models as people look for them: sorted, filtered, and labelled. */

const PROVIDERS = { openai: 'OpenAI', bedrock: 'Amazon Bedrock', gemini: 'Google Gemini' };

const WORDS = { hd: 'HD', xhigh: 'Extra high', max: 'Maximum' };

const WATERMARKS = {
  c2pa: ['C2PA', 'Signed content credentials in the file say that a machine made it'],
  synthid: ['SynthID', 'An invisible mark in the pixels says that a machine made it'],
  provenance: ['Provenance', 'An invisible mark and content credentials say that a machine made it'],
};

/** Return the models with those that work first, and of these the newest ones. */
export function sorted(models) {
  return [...models].sort((one, other) => other.active - one.active || other.created - one.created);
}

/** Return those models that a filter `{text, provider, feature, activeOnly}` lets pass. */
export function filtered(models, { text = '', provider = '', feature = '', activeOnly = false }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return models.filter((model) => {
    const told = [model.id, model.display_name, model.owned_by, ...model.aliases].join(' ').toLowerCase();
    return (
      words.every((word) => told.includes(word)) &&
      (!provider || model.providers.some((each) => each.provider === provider)) &&
      (!feature || model.supported_features.includes(feature)) &&
      (!activeOnly || model.active)
    );
  });
}

/** Return everything that some model offers: the choices of a filter. */
export function offered(models) {
  return {
    providers: [...new Set(models.flatMap((model) => model.providers.map((each) => each.provider)))].sort(),
    features: [...new Set(models.flatMap((model) => model.supported_features))].sort(),
  };
}

/** Return what stands out about a model: `{text, tone, title}` each. */
export function badges(model) {
  const { state, retires_on: retires, deprecated_on: deprecated, replacement } = model.lifecycle;
  const instead = replacement ? `Use ${replacement} instead` : '';
  const all = [];
  if (state === 'Retired') all.push({ text: `Retired ${day(retires)}`, tone: 'bad', title: instead });
  else if (!model.active) all.push({ text: 'Inactive', tone: 'quiet', title: 'No provider serves it now' });
  if (state === 'Deprecated') all.push({ text: `Deprecated ${day(deprecated)}`, tone: 'warn', title: instead });
  if (state !== 'Retired' && retires) all.push({ text: `Retires ${day(retires)}`, tone: 'warn', title: instead });
  if (!model.output_modality.image) all.push({ text: 'Text only', tone: 'quiet', title: 'It makes no images' });
  const [mark, meaning] = WATERMARKS[model.watermark] ?? [];
  if (mark) all.push({ text: mark, tone: 'mark', title: meaning });
  return all;
}

/** Return the name of a provider. */
export function providerName(slug) {
  return PROVIDERS[slug] ?? slug;
}

/** Return the name of a watermark. */
export function watermarkName(slug) {
  return WATERMARKS[slug]?.[0] ?? 'none';
}

/** Return a word of the catalog as people write it: `image_generation` is `Image generation`. */
export function spoken(word) {
  if (word in WORDS) return WORDS[word];
  const spaced = word.replaceAll('_', ' ');
  const text = spaced === spaced.toUpperCase() ? spaced.toLowerCase() : spaced;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Return a date such as `2026-09-30` as `Sep 30, 2026`. */
export function day(date) {
  const options = { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' };
  return date ? new Date(date).toLocaleDateString('en-US', options) : '';
}
