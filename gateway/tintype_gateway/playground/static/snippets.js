/** A request as code to paste. The key is never in it: it comes from $TINTYPE_API_KEY. */

/** What OpenAI's Python client has an argument for. The rest goes into `extra_body`. */
const OPENAI_ARGUMENTS = new Set([
  'model', 'prompt', 'n', 'size', 'quality', 'style', 'background', 'output_format',
  'output_compression', 'moderation', 'response_format',
]);

/** Said even where it is the default, since a server can have another one. */
const INLINE = { response_format: 'b64_json' };

/** Return a shell command that saves the images of a request. */
export function curlOf(body, base) {
  const save =
    'import base64, json, sys\n' +
    'for number, image in enumerate(json.load(sys.stdin)["data"], 1):\n' +
    `    open(f"image-{number}.${extension(body)}", "wb").write(base64.b64decode(image["b64_json"] or ""))`;
  return [
    `curl -sS --fail-with-body ${quoted(new URL('v1/images/generations', base).href)} \\`,
    '  -H "Authorization: Bearer $TINTYPE_API_KEY" \\',
    "  -H 'Content-Type: application/json' \\",
    `  -d ${quoted(JSON.stringify({ ...body, ...INLINE }))} \\`,
    `  | python3 -c ${quoted(save)}`,
  ].join('\n');
}

/** Return a Python program that saves the images of a request with OpenAI's client. */
export function pythonOf(body, base) {
  const entries = Object.entries({ ...body, ...INLINE });
  const own = entries.filter(([name]) => OPENAI_ARGUMENTS.has(name));
  const extra = entries.filter(([name]) => !OPENAI_ARGUMENTS.has(name));
  return [
    'import base64',
    'import os',
    'import pathlib',
    '',
    'from openai import OpenAI',
    '',
    `client = OpenAI(base_url=${literal(new URL('v1', base).href)}, api_key=os.environ["TINTYPE_API_KEY"])`,
    'answer = client.images.generate(',
    ...own.map(([name, value]) => `    ${name}=${literal(value)},`),
    ...(extra.length ? [`    extra_body=${literal(Object.fromEntries(extra))},`] : []),
    ')',
    'for number, image in enumerate(answer.data, 1):',
    `    path = pathlib.Path(f"image-{number}.${extension(body)}")`,
    '    path.write_bytes(base64.b64decode(image.b64_json or ""))',
  ].join('\n');
}

/** Return text as one word of a POSIX shell. */
export function quoted(text) {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Return a value as Python writes it. JSON's strings and numbers are Python's, too. */
export function literal(value) {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, part]) => `${JSON.stringify(key)}: ${literal(part)}`).join(', ')}}`;
}

function extension(body) {
  return body.output_format ?? 'png';
}
