/** Panels of which one is seen. The arrow keys go between their tabs. */

import { byId } from './dom.js';

const NAMES = ['models', 'images', 'jobs', 'mask'];

/** Let the tabs work. */
export function wireTabs() {
  for (const name of NAMES) {
    const tab = byId(`tab-${name}`);
    tab.onclick = () => openTab(name);
    tab.onkeydown = (event) => {
      const next = target(name, event.key);
      if (!next) return;
      event.preventDefault();
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

/** Take a tab away or bring it back. If it is the open one, the first one is opened instead. */
export function hideTab(name, isHidden) {
  const tab = byId(`tab-${name}`);
  tab.hidden = isHidden;
  if (isHidden && tab.getAttribute('aria-selected') === 'true') openTab(NAMES[0]);
}

/** Return the tab that a key goes to: the next ones are in a circle. */
function target(name, key) {
  const shown = NAMES.filter((each) => !byId(`tab-${each}`).hidden);
  const at = shown.indexOf(name);
  const places = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 };
  return key in places ? shown.at(places[key] % shown.length) : null;
}
