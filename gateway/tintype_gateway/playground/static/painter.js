/** The mask of the first image, painted over it: by mouse, pen, finger or keyboard. */

import { byId } from './dom.js';
import { beginStroke, clear, continueStroke, createMask, invert, isPainted, share, undo } from './mask.js';
import { drawBrush, drawMask } from './overlay.js';

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Painting. `changed` is called after each stroke. */
export class Painter {
  #changed;
  #canvas = byId('mask');
  #image = null;
  #cursor = null; // in pixels of the image, where there is one
  #isPainting = false;
  #isFrame = false;

  constructor(changed) {
    this.#changed = changed;
    this.#wirePointer();
    this.#wireKeys();
    byId('brush').oninput = () => this.#show();
    byId('mask-undo').onclick = () => this.#act(undo);
    byId('mask-invert').onclick = () => this.#act(invert);
    byId('mask-clear').onclick = () => this.#act(clear);
    new ResizeObserver(() => this.#show()).observe(this.#canvas);
  }

  /** Show an image to paint on, or none. Its mask stays with it. */
  open(image) {
    if (image === this.#image) return;
    this.#image = image;
    this.#cursor = null;
    byId('mask-image').removeAttribute('src');
    if (!image) return;
    image.mask ??= createMask(image.width, image.height);
    byId('mask-image').src = image.url;
    byId('mask-area').style.setProperty('--ratio', String(image.width / image.height));
    this.#tell('');
    this.#show();
  }

  /** The radius of the brush in pixels of the image: a percentage of the shorter edge across. */
  get #radius() {
    return Math.max(0.5, (Number(byId('brush').value) / 200) * Math.min(this.#image.width, this.#image.height));
  }

  #wirePointer() {
    const canvas = this.#canvas;
    canvas.onpointerdown = (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      canvas.setPointerCapture(event.pointerId);
      this.#cursor = this.#at(event);
      this.#begin();
    };
    canvas.onpointermove = (event) => {
      if (!event.isPrimary) return;
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const each of passed.length ? passed : [event]) this.#moveTo(this.#at(each));
    };
    canvas.onpointerup = () => this.#end();
    canvas.onpointercancel = () => this.#isPainting && this.#act(undo); // two fingers enlarge the page
    canvas.onpointerleave = () => this.#show();
  }

  #wireKeys() {
    this.#canvas.onfocus = () => {
      this.#cursor ??= [this.#image.width / 2, this.#image.height / 2];
      this.#show();
    };
    this.#canvas.onblur = () => {
      this.#end();
      this.#show();
    };
    this.#canvas.onkeyup = ({ key }) => key === ' ' && this.#end();
    this.#canvas.onkeydown = (event) => {
      if (!this.#press(event)) return;
      event.preventDefault();
      event.stopPropagation();
    };
  }

  /** Do what a key means, and say whether it means something. */
  #press({ key, shiftKey, ctrlKey, metaKey, repeat }) {
    if ((ctrlKey || metaKey) && key === 'z') return this.#act(undo);
    if (ctrlKey || metaKey) return false;
    if (key in ARROWS) return this.#step(ARROWS[key], shiftKey ? 1 : Math.max(1, this.#radius / 2));
    if (key === ' ') return repeat || this.#isPainting || this.#begin();
    if (key === 'Enter') return this.#isPainting ? this.#end() : this.#begin();
    if (key === '[' || key === ']') return this.#resize(key === ']' ? 1 : -1);
    return false;
  }

  #step([right, down], distance) {
    const [x, y] = this.#cursor;
    this.#moveTo([x + right * distance, y + down * distance]);
    this.#tell(`${this.#place()}: ${isPainted(this.#image.mask, this.#cursor) ? 'painted' : 'not painted'}.`);
    return true;
  }

  #resize(by) {
    byId('brush')[by > 0 ? 'stepUp' : 'stepDown']();
    this.#show();
    this.#tell(`Brush of ${byId('brush-size').textContent}.`);
    return true;
  }

  #begin() {
    this.#isPainting = true;
    beginStroke(this.#image.mask, this.#cursor, this.#radius, byId('mask-erase').checked);
    this.#show();
    return true;
  }

  #moveTo([x, y]) {
    const { width, height } = this.#image;
    this.#cursor = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
    if (this.#isPainting) continueStroke(this.#image.mask, this.#cursor);
    this.#show();
  }

  #end() {
    if (this.#isPainting) this.#finish();
    this.#isPainting = false;
    return true;
  }

  #act(action) {
    if (this.#isPainting) this.#end();
    action(this.#image.mask);
    this.#show();
    this.#finish();
    return true;
  }

  #finish() {
    this.#tell(`${painted(this.#image)} of image 1 will change.`);
    this.#changed();
  }

  #at({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [((clientX - left) / width) * this.#image.width, ((clientY - top) / height) * this.#image.height];
  }

  #place() {
    const percent = (part, whole) => `${Math.round((100 * part) / whole)} %`;
    const [x, y] = this.#cursor;
    return `${percent(x, this.#image.width)} from the left, ${percent(y, this.#image.height)} from the top`;
  }

  #tell(text) {
    byId('mask-where').textContent = text;
  }

  /** Draw at the next frame, once for all that happens until then. */
  #show() {
    if (this.#isFrame || !this.#image) return;
    this.#isFrame = true;
    requestAnimationFrame(() => {
      this.#isFrame = false;
      if (!this.#image) return;
      byId('brush-size').textContent = `${Math.round(2 * this.#radius)} px`;
      byId('mask-undo').disabled = this.#image.mask.done.length === 0;
      if (this.#canvas.clientWidth === 0) return;
      drawMask(this.#canvas, this.#image.mask);
      const isUsed = this.#canvas.matches(':focus, :hover');
      if (this.#cursor && isUsed) drawBrush(this.#canvas, this.#image, this.#cursor, this.#radius);
    });
  }
}

/** Return how much of an image is painted: `12 %`. */
export function painted({ mask }) {
  const percent = 100 * share(mask);
  return percent > 0 && percent < 1 ? 'Less than 1 %' : `${Math.round(percent)} %`;
}
