/** The images of a request: chosen, dropped or pasted, in an order, and each with its mask. */

import { byId, el, fill, icon } from './dom.js';
import { isTurnedWebp, opened } from './image.js';
import { described, takesImages } from './operations.js';

/**
 * Return the list of images. `changed` is called whenever it is another one; `wanted` when images
 * come to a form that has no place for them.
 */
export function createInputs(changed, wanted) {
  const images = []; // `{name, file, url, width, height, isShown, isPaintable, mask}` each
  let operation = null;

  /** Take images. Where there is room for one, the new one takes its place. */
  async function add(files) {
    const fresh = await Promise.all(files.map(inputOf));
    if (!fresh.length) return;
    if (!takesImages(operation)) wanted();
    if (operation.rule.max_images === 1) images.splice(0).forEach(release);
    images.push(...fresh);
    show();
    changed();
  }

  function move(index, by) {
    images.splice(index + by, 0, ...images.splice(index, 1));
    show();
    focus(index + by, by < 0 ? 'earlier' : 'later');
    changed();
  }

  function remove(index) {
    images.splice(index, 1).forEach(release);
    show();
    focus(Math.min(index, images.length - 1), 'remove');
    changed();
  }

  function show() {
    byId('inputs').hidden = !takesImages(operation);
    if (!takesImages(operation)) return;
    fill(byId('input-list'), images.map((image, index) => row(image, index, images.length, { move, remove })));
    byId('images-hint').textContent = described(operation);
    byId('drop-text').textContent = images.length && operation.rule.max_images === 1 ? 'Choose another image' : 'Choose images';
  }

  wire(add);
  return {
    images,
    add,
    /** Show what another operation takes. */
    fit(other) {
      operation = other;
      show();
    },
  };
}

/** Return a file as an image of the form. It is shown if the browser can decode it. */
async function inputOf(file) {
  const image = { name: file.name, file, mask: null };
  try {
    const { url, width, height, isShown, format } = await opened(file);
    const isTurned = format === 'webp' && isTurnedWebp(new Uint8Array(await file.arrayBuffer()));
    return { ...image, url, width, height, isShown, isPaintable: isShown && !isTurned };
  } catch {
    return { ...image, url: null, width: null, height: null, isShown: false, isPaintable: false };
  }
}

function release({ url }) {
  if (url) URL.revokeObjectURL(url);
}

/** Go on where the keyboard was: at the same button, or at one that can be pressed. */
function focus(index, name) {
  const buttons = byId('input-list').children[index]?.querySelectorAll('button:enabled') ?? [];
  const same = [...buttons].find((each) => each.dataset.name === name);
  (same ?? buttons[0] ?? byId('files')).focus();
}

function row(image, index, count, { move, remove }) {
  const number = index + 1;
  const thumbnail = image.isShown ? el('img', { src: image.url, alt: '' }) : el('span', { class: 'no-thumbnail' }, icon('image'));
  const size = image.isShown ? `${image.width} × ${image.height}` : 'No preview';
  return el(
    'li',
    { class: 'input' },
    thumbnail,
    el('p', { class: 'input-text' }, el('strong', {}, `Image ${number}`), ' ', el('span', { class: 'muted' }, size), el('br'), el('bdi', {}, image.name)),
    el(
      'div',
      { class: 'input-actions' },
      count > 1 && tool('earlier', 'up', `Move image ${number} up`, index === 0, () => move(index, -1)),
      count > 1 && tool('later', 'down', `Move image ${number} down`, number === count, () => move(index, 1)),
      tool('remove', 'close', `Remove image ${number}`, false, () => remove(index)),
    ),
  );
}

function tool(name, iconName, label, disabled, onclick) {
  return el('button', { type: 'button', class: 'button icon-only small', 'data-name': name, 'aria-label': label, title: label, disabled, onclick }, icon(iconName));
}

/** Take what is chosen, dropped anywhere on the page, or pasted. */
function wire(add) {
  byId('files').onchange = ({ target }) => {
    add([...target.files]);
    target.value = '';
  };
  document.addEventListener('paste', ({ clipboardData }) => add([...clipboardData.files]));
  document.addEventListener('dragover', (event) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    byId('drop').dataset.over = 'true';
  });
  document.addEventListener('dragleave', () => delete byId('drop').dataset.over);
  document.addEventListener('drop', (event) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    delete byId('drop').dataset.over;
    add([...event.dataTransfer.files]);
  });
}
