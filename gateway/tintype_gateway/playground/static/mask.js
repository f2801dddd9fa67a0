/**
 * A mask: which pixels of an image may change. It has a byte for each pixel, 1 where it is painted, a
 * list of what was done, from which it is drawn again when the last thing is undone, and the share of
 * it that is painted, null until it is counted.
 */

/** Return a mask of an image's size, with nothing painted. */
export function createMask(width, height) {
  return { width, height, pixels: new Uint8Array(width * height), done: [], share: 0 };
}

/** Begin a stroke at a point `[x, y]` in pixels, of a brush with a radius. It paints, or it erases. */
export function beginStroke(mask, point, radius, erases = false) {
  const stroke = { kind: 'stroke', radius, value: erases ? 0 : 1, points: [point] };
  mask.done.push(stroke);
  drawSegment(mask, stroke, point, point);
}

/** Carry the last stroke on to a point. */
export function continueStroke(mask, point) {
  const stroke = mask.done.at(-1);
  drawSegment(mask, stroke, stroke.points.at(-1), point);
  stroke.points.push(point);
}

/** Paint all that is not painted, and the other way round. */
export function invert(mask) {
  act(mask, { kind: 'invert' });
}

/** Erase everything. */
export function clear(mask) {
  act(mask, { kind: 'clear' });
}

/** Take the last stroke, inversion or clearance back. */
export function undo(mask) {
  mask.done.pop();
  mask.share = null;
  mask.pixels.fill(0);
  for (const each of mask.done) draw(mask, each);
}

/** Return how much of the mask is painted: 0 to 1. */
export function share(mask) {
  mask.share ??= counted(mask.pixels) / mask.pixels.length;
  return mask.share;
}

function counted(pixels) {
  let painted = 0;
  for (let index = 0; index < pixels.length; index += 1) painted += pixels[index];
  return painted;
}

/** Say whether the pixel at a point is painted. */
export function isPainted({ width, pixels }, [x, y]) {
  return pixels[Math.floor(y) * width + Math.floor(x)] === 1;
}

function act(mask, action) {
  mask.done.push(action);
  draw(mask, action);
}

function draw(mask, action) {
  const { pixels } = mask;
  mask.share = null;
  if (action.kind === 'clear') pixels.fill(0);
  else if (action.kind === 'invert') for (let index = 0; index < pixels.length; index += 1) pixels[index] ^= 1;
  else action.points.forEach((point, index) => drawSegment(mask, action, action.points[Math.max(0, index - 1)], point));
}

/** Set the pixels whose middles are at most a radius away from the line between two points. */
function drawSegment(mask, { radius, value }, from, to) {
  const { width, height, pixels } = mask;
  mask.share = null;
  const top = Math.max(0, Math.floor(Math.min(from[1], to[1]) - radius));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(from[1], to[1]) + radius));
  for (let row = top; row <= bottom; row += 1) {
    const [left, right] = span(from, to, radius, row + 0.5);
    const start = Math.max(0, Math.ceil(left - 0.5));
    const end = Math.min(width - 1, Math.floor(right - 0.5));
    if (start <= end) pixels.fill(value, row * width + start, row * width + end + 1);
  }
}

/** Return from where to where a horizontal line at `y` is within a radius of a line: it is convex. */
function span(from, to, radius, y) {
  const crossings = [...circle(from, radius, y), ...circle(to, radius, y), ...box(from, to, radius, y)];
  return [Math.min(...crossings), Math.max(...crossings)];
}

function circle([x, centre], radius, y) {
  const half = Math.sqrt(radius ** 2 - (y - centre) ** 2);
  return Number.isNaN(half) ? [] : [x - half, x + half];
}

/** Return where a horizontal line crosses the edges of the rectangle around a line. */
function box(from, to, radius, y) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy);
  if (length === 0) return [];
  const [nx, ny] = [(-dy / length) * radius, (dx / length) * radius];
  const corners = [[from[0] + nx, from[1] + ny], [to[0] + nx, to[1] + ny], [to[0] - nx, to[1] - ny], [from[0] - nx, from[1] - ny]];
  return corners.flatMap((corner, index) => crossing(corner, corners[(index + 1) % 4], y));
}

function crossing([x0, y0], [x1, y1], y) {
  if (y0 === y1 || y < Math.min(y0, y1) || y > Math.max(y0, y1)) return [];
  return [x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)];
}
