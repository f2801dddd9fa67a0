/** The mask as a part of the form: whether there is one, where it is painted, and its file. */

import { byId } from './dom.js';
import { share } from './mask.js';
import { Painter, painted } from './painter.js';
import { pngOf } from './png.js';
import { hideTab, openTab } from './tabs.js';

/** The mask of the first image. `changed` is called when it is another one. */
export class Masking {
  #image = null; // the one to paint on, where the model takes a mask
  #file = null; // the PNG of the mask as it is now
  #painter;

  constructor(changed) {
    this.#painter = new Painter(() => {
      this.#file = null;
      changed();
    });
    byId('paint').onclick = () => this.focus();
    byId('mask-save').onclick = () => this.#save();
  }

  /** Show what an operation takes, for the first image or none. */
  fit({ rule }, image) {
    const isWanted = rule.mask !== 'None';
    const canvas = isWanted && image?.isPaintable ? image : null;
    if (canvas !== this.#image) this.#file = null;
    this.#image = canvas;
    this.#painter.open(canvas);
    byId('masking').hidden = !isWanted || !image;
    byId('paint').hidden = !canvas;
    byId('mask-save').disabled = !this.isPainted;
    byId('mask-state').textContent = this.#state(rule);
    hideTab('mask', !canvas);
  }

  /** Whether something is painted. */
  get isPainted() {
    return this.#image !== null && share(this.#image.mask) > 0;
  }

  /** Return a promise of the mask as a PNG file, or null where nothing is painted. */
  file() {
    if (this.isPainted) this.#file ??= pngOf(this.#image.mask);
    return this.isPainted ? this.#file : null;
  }

  /** Go where it is painted. */
  focus() {
    openTab('mask');
    byId('panel-mask').scrollIntoView({ block: 'nearest' });
    byId('mask').focus({ preventScroll: true });
  }

  #state(rule) {
    if (!this.#image) return 'This browser cannot show image 1 upright, so it cannot be painted on.';
    if (this.isPainted) return `${painted(this.#image)} of image 1 will change.`;
    return rule.mask === 'Required' ? 'Paint what should change.' : 'No mask: the model decides what changes.';
  }

  async #save() {
    const url = URL.createObjectURL(await this.file());
    const link = document.createElement('a');
    link.href = url;
    link.download = 'mask.png';
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
}
