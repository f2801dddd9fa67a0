/* Loaded before the page is drawn, so that nobody sees the wrong colors first. */
'use strict';
{
  const chosen = localStorage.getItem('tintype.theme');
  if (chosen) document.documentElement.dataset.theme = chosen;
}
