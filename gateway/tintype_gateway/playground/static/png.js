/**
 * Masks as PNG files. They are written here, and not by a canvas: a canvas has a size beyond which
 * browsers give none, and some browsers change its pixels so that pages cannot tell them apart.
 */

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

const GRAY_WITH_ALPHA = 4;

/** How many bytes are compressed at once. */
const BATCH = 1 << 20;

const CRCS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** Return a mask as a PNG file: black, transparent where it is painted, opaque elsewhere. */
export async function pngOf(mask) {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, mask.width);
  header.setUint32(4, mask.height);
  header.setUint8(8, 8); // bits of a channel
  header.setUint8(9, GRAY_WITH_ALPHA);
  const rows = new Response(rowsOf(mask).pipeThrough(new CompressionStream('deflate')));
  const chunks = [chunk('IHDR', new Uint8Array(header.buffer)), chunk('IDAT', new Uint8Array(await rows.arrayBuffer())), chunk('IEND')];
  return new Blob([SIGNATURE, ...chunks.flat()], { type: 'image/png' });
}

/** Return the rows as PNG has them before compression: each has a filter, which is none, first. */
function rowsOf({ width, height, pixels }) {
  const stride = 1 + 2 * width;
  const batch = Math.max(1, Math.floor(BATCH / stride));
  let row = 0;
  return new ReadableStream({
    pull(controller) {
      const end = Math.min(height, row + batch);
      const bytes = new Uint8Array((end - row) * stride);
      for (let at = 0; row < end; row += 1, at += stride) {
        for (let x = 0; x < width; x += 1) bytes[at + 2 + 2 * x] = pixels[row * width + x] ? 0 : 255;
      }
      controller.enqueue(bytes);
      if (row === height) controller.close();
    },
  });
}

function chunk(name, data = new Uint8Array(0)) {
  const type = new TextEncoder().encode(name);
  return [uint32(data.length), type, data, uint32(crc32(type, data))];
}

function uint32(value) {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint32(0, value);
  return new Uint8Array(bytes.buffer);
}

function crc32(...parts) {
  let crc = 0xffffffff;
  for (const part of parts) for (const byte of part) crc = CRCS[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
