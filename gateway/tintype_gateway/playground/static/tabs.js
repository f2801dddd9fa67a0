/** Two panels of which one is seen. The arrow keys go between their tabs. */

import { byId } from './dom.js';

const NAMES = ['models', 'images'];

/** Let the tabs work. */
export function wireTabs() {
  for (const name of NAMES) {
    const tab = byId(`tab-${name}`);
    tab.onclick = () => openTab(name);
    tab.onkeydown = (event) => {
      if (!['ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(event.key)) return;
      event.preventDefault();
      const next = { Home: NAMES[0], End: NAMES[1] }[event.key] ?? NAMES.find((other) => other !== name);
      openTab(next);
      byId(`tab-${next}`).focus();
    };
  }
}

/** Show one of the panels. */
export function openTab(name) {
  for (const each of NAMES) {
    const tab = byId(`tab-${each}`);
    tab.setAttribute('aria-selected', String(each === name));
    tab.tabIndex = each === name ? 0 : -1;
    byId(`panel-${each}`).hidden = each !== name;
  }
}
