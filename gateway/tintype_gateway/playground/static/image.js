/** Images as files: their bytes, their format, and an address to show them by. */

const SIGNATURES = [
  ['png', [0x89, 0x50, 0x4e, 0x47]],
  ['jpeg', [0xff, 0xd8, 0xff]],
  ['webp', [0x52, 0x49, 0x46, 0x46]],
  ['gif', [0x47, 0x49, 0x46, 0x38]],
  ['svg', [0x3c]],
];

/** Return base64 text as bytes. */
export function decoded(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Return what the first bytes of an image say that it is: `png`, `jpeg`, `webp`, `gif`, `svg` or null. */
export function formatOf(bytes) {
  const match = SIGNATURES.find(([, start]) => start.every((byte, index) => bytes[index] === byte));
  return match?.[0] ?? null;
}

/**
 * Return an image as `{url, bytes, format, width, height, isShown}`, in true pixels. An SVG may hold
 * scripts, which would run as ours: it is never shown, nor is what has no known format.
 */
export async function opened(base64) {
  const bytes = decoded(base64);
  const format = formatOf(bytes);
  if (format === 'svg' || format === null) {
    const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
    return { url, bytes: bytes.length, format, width: null, height: null, isShown: false };
  }
  const url = URL.createObjectURL(new Blob([bytes], { type: `image/${format}` }));
  const image = new Image();
  image.src = url;
  await image.decode();
  return { url, bytes: bytes.length, format, width: image.naturalWidth, height: image.naturalHeight, isShown: true };
}

/** Return a name for an image's file, from the words of its prompt. */
export function fileName(prompt, index, format) {
  const words = prompt.toLowerCase().normalize('NFKD').match(/[a-z0-9]+/g) ?? ['image'];
  return `${words.slice(0, 6).join('-')}-${index + 1}.${format ?? 'png'}`;
}
