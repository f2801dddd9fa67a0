/** Making parts of the page. Text only ever becomes text nodes, so that nobody's words are markup. */

/** Return the element with an id. */
export const byId = (id) => document.getElementById(id);

/**
 * Return a new element: `el('button', {type: 'button', onclick: save}, 'Save')`. A false, null or
 * undefined attribute or child is left out.
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...present(children));
  return node;
}

/** Put children in the place of those that an element has. */
export function fill(node, ...children) {
  node.replaceChildren(...present(children));
}

/**
 * Give an element these children, and leave those alone that it has already: they keep the focus, and
 * the press of a key or of a mouse that has begun on them.
 */
export function arrange(node, ...children) {
  const wanted = present(children);
  for (const child of [...node.children]) if (!wanted.includes(child)) child.remove();
  wanted.forEach((child, at) => {
    if (node.children[at] !== child) node.insertBefore(child, node.children[at] ?? null);
  });
}

/** Return parts with a space between: the eye needs none where they stand apart, but a voice does. */
export function spaced(parts) {
  return parts.filter(Boolean).flatMap((part, index) => (index ? [' ', part] : [part]));
}

/** Return the icon with a name: a drawing in the page's own sprite. */
export function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(space, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Return a button with an icon and a text. */
export function button(iconName, text, onclick, attributes = {}) {
  return el('button', { type: 'button', class: 'button quiet', onclick, ...attributes }, icon(iconName), text);
}

/** Copy text in the old way: browsers give the clipboard only to pages that came by HTTPS. */
function copySelected(text) {
  const area = el('textarea', {}, text);
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/** Copy text, and let the button say so for a moment. */
export async function copy(text, from) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copySelected(text);
  byId('status').textContent = 'Copied.';
  from.dataset.done = 'true';
  setTimeout(() => delete from.dataset.done, 1500);
}

function present(children) {
  return children.flat().filter((child) => child !== false && child !== null && child !== undefined);
}
