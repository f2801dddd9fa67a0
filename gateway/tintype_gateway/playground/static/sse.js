/**
 * Server-sent events out of a body that arrives in pieces, as the HTML standard says they are read:
 * lines end with LF, CRLF or CR, a blank line ends an event, and what has no blank line is lost.
 */

/** Return a function that takes text as it comes and returns the events that it completes. */
export function createParser() {
  let unended = []; // an image is megabytes on one line: its pieces are joined once
  let afterReturn = false;
  let event = { name: 'message', data: [] };
  let id = {}; // stays until there is another, also for events without one

  function takeLine(line) {
    if (line === '') {
      const { name, data } = event;
      event = { name: 'message', data: [] };
      return data.length ? [{ name, data: data.join('\n'), ...id }] : [];
    }
    const [, field, value] = /^([^:]*):? ?([^]*)$/.exec(line);
    if (field === 'event') event.name = value;
    if (field === 'data') event.data.push(value);
    if (field === 'id') id = { id: value };
    return [];
  }

  return function push(text) {
    const rest = afterReturn && text.startsWith('\n') ? text.slice(1) : text;
    if (text !== '') afterReturn = text.endsWith('\r');
    const lines = rest.split(/\r\n|\n|\r/);
    unended.push(lines.shift());
    return lines.flatMap((start) => {
      const line = unended.join('');
      unended = [start];
      return takeLine(line);
    });
  };
}

/** Yield the events of a body. */
export async function* eventsOf(body) {
  const push = createParser();
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* push(value);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
