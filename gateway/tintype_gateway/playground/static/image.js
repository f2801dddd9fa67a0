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
 * Return an image in a blob as `{url, blob, bytes, format, width, height, isShown}`, in true pixels and
 * upright. An SVG may hold scripts, which would run as ours: it is never shown, nor is what has no
 * known format.
 */
export async function opened(file) {
  const format = formatOf(new Uint8Array(await file.slice(0, 16).arrayBuffer()));
  const isShown = format !== 'svg' && format !== null;
  const blob = file.slice(0, file.size, isShown ? `image/${format}` : 'application/octet-stream');
  const facts = { url: URL.createObjectURL(blob), blob, bytes: file.size, format, isShown };
  if (!isShown) return { ...facts, width: null, height: null };
  const image = new Image();
  image.src = facts.url;
  await image.decode();
  return { ...facts, width: image.naturalWidth, height: image.naturalHeight };
}

const ORIENTATION = 0x0112;

/**
 * Say whether the metadata of a WebP turn or mirror it. The gateway does as they say, and browsers do
 * not, though they do for JPEG and PNG.
 */
export function isTurnedWebp(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const name = (at) => String.fromCharCode(...bytes.subarray(at, at + 4));
  for (let at = 12; at + 8 <= bytes.length; at += 8 + view.getUint32(at + 4, true) + (view.getUint32(at + 4, true) % 2)) {
    if (name(at) !== 'EXIF') continue;
    const start = at + (name(at + 8) === 'Exif' ? 14 : 8);
    return orientationOf(new DataView(bytes.buffer, bytes.byteOffset + start, bytes.length - start)) > 1;
  }
  return false;
}

/** Return the orientation that TIFF's directory holds, as EXIF has it: 1 is upright, 0 is not told. */
function orientationOf(tiff) {
  try {
    const isLittle = tiff.getUint8(0) === 0x49;
    const directory = tiff.getUint32(4, isLittle);
    for (let entry = 0; entry < tiff.getUint16(directory, isLittle); entry += 1) {
      const at = directory + 2 + 12 * entry;
      if (tiff.getUint16(at, isLittle) === ORIENTATION) return tiff.getUint16(at + 8, isLittle);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the metadata break off
  }
  return 0;
}

/** Return a name for an image's file, from the words of its prompt. */
export function fileName(prompt, index, format) {
  const words = prompt.toLowerCase().normalize('NFKD').match(/[a-z0-9]+/g) ?? ['image'];
  return `${words.slice(0, 6).join('-')}-${index + 1}.${format ?? 'png'}`;
}
