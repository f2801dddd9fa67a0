/** A mask as people see it: stripes over the image, which stand out on every color. */

const COLORS = new Uint32Array(Uint8Array.of(130, 40, 190, 150, 255, 255, 255, 130).buffer);

/** How wide a stripe is, in pixels of the screen. */
const STRIPE = 6;

/** The most pixels that are drawn at once, so that a stroke keeps up with the hand. */
const MOST_PIXELS = 1_200_000;

/** Draw a mask on a canvas, at the size in which the canvas is shown. */
export function drawMask(canvas, { width, height, pixels }) {
  const scale = Math.min(devicePixelRatio, Math.sqrt(MOST_PIXELS / (canvas.clientWidth * canvas.clientHeight)));
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * scale));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * scale));
  const context = canvas.getContext('2d');
  const shown = context.createImageData(canvas.width, canvas.height);
  const colors = new Uint32Array(shown.data.buffer); // a pixel each
  const columns = Uint32Array.from({ length: canvas.width }, (_, x) => Math.floor(((x + 0.5) * width) / canvas.width));
  for (let y = 0, at = 0; y < canvas.height; y += 1) {
    const row = Math.floor(((y + 0.5) * height) / canvas.height) * width;
    for (let x = 0; x < canvas.width; x += 1, at += 1) {
      if (pixels[row + columns[x]]) colors[at] = COLORS[Math.floor((x + y) / STRIPE) % 2];
    }
  }
  context.putImageData(shown, 0, 0);
}

/** Draw where the brush is, and how large: a ring in black and white. */
export function drawBrush(canvas, image, [x, y], radius) {
  const context = canvas.getContext('2d');
  const scale = canvas.width / image.width;
  for (const [color, width] of [['#000', 4], ['#fff', 2]]) {
    context.beginPath();
    context.arc(x * scale, y * scale, Math.max(4, radius * scale), 0, 2 * Math.PI);
    context.strokeStyle = color;
    context.lineWidth = width;
    context.stroke();
  }
}
