/** The shortcuts. */

import { byId } from './dom.js';

/** Let Ctrl+Enter or ⌘+Enter generate, Escape cancel, and a slash search. */
export function wireKeys({ generate, search, cancel }) {
  byId('generate-keys').textContent = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘ ⏎' : 'Ctrl ⏎';
  document.onkeydown = (event) => {
    const isTyping = event.target.matches('input:not([type=radio], [type=checkbox]), textarea, select');
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) generate();
    else if (event.key === 'Escape') cancel();
    else if (event.key === '/' && !isTyping) search();
    else return;
    event.preventDefault();
  };
}
