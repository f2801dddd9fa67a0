/** Two images in one place, with a slider between what was and what is. */

import { el } from './dom.js';

/** Return a comparison of two addresses of images. The slider is a range, for mouse, finger and keys. */
export function comparison(before, after, alt) {
  const node = el('div', { class: 'compare' });
  const slider = el('input', {
    type: 'range', min: 0, max: 100, value: 50, class: 'compare-slider', 'aria-label': 'Compare before and after', oninput: show,
  });

  function show() {
    const { value } = slider;
    node.style.setProperty('--cut', `${value}%`);
    slider.setAttribute('aria-valuetext', `Before on the left ${value} %, after on the rest`);
  }

  node.append(
    el('img', { src: before, alt: 'Before' }),
    el('img', { src: after, alt, class: 'after' }),
    el('span', { class: 'tag', 'aria-hidden': 'true' }, 'Before'),
    el('span', { class: 'tag end', 'aria-hidden': 'true' }, 'After'),
    slider,
  );
  show();
  return node;
}
