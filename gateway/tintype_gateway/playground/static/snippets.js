/** A request as code to paste. The key is never in it: it comes from $TINTYPE_API_KEY. */

import { textsOf } from './api.js';
import { takesImages } from './operations.js';

/** What OpenAI's Python client has an argument for, by operation. The rest goes into `extra_body`. */
const EVERYWHERE = ['model', 'n', 'size', 'response_format'];
const MADE = [...EVERYWHERE, 'prompt', 'quality', 'background', 'output_format', 'output_compression'];
const ARGUMENTS = {
  generation: new Set([...MADE, 'style', 'moderation']),
  edit: new Set([...MADE, 'input_fidelity']),
  variation: new Set(EVERYWHERE),
};

/** The methods of OpenAI's clients, by operation. */
const PYTHON = { generation: 'generate', edit: 'edit', variation: 'create_variation' };
const NODE = { generation: 'generate', edit: 'edit', variation: 'createVariation' };

/** Said even where it is the default, since a server can have another one. */
const INLINE = { response_format: 'b64_json' };

/** The name under which the mask of the page is saved. */
const MASK = 'mask.png';

/** The languages: `write(request, base)` returns the code of a request. */
export const SNIPPETS = [
  { name: 'curl', write: curlOf },
  { name: 'Python', write: pythonOf },
  { name: 'Node.js', write: nodeOf },
];

/** Return a shell command that saves the images of a request. */
export function curlOf(request, base) {
  const save =
    'import base64, json, sys\n' +
    'for number, image in enumerate(json.load(sys.stdin)["data"], 1):\n' +
    `    open(f"image-{number}.${extension(request)}", "wb").write(base64.b64decode(image["b64_json"] or ""))`;
  const body = takesImages(request.operation) ? formOptions(request) : jsonOptions(request);
  return [
    `curl -sS --fail-with-body ${quoted(new URL(request.operation.path, base).href)}`,
    '  -H "Authorization: Bearer $TINTYPE_API_KEY"',
    ...body,
    `  | python3 -c ${quoted(save)}`,
  ].join(' \\\n');
}

function jsonOptions({ plain }) {
  return ["  -H 'Content-Type: application/json'", `  -d ${quoted(JSON.stringify({ ...plain, ...INLINE }))}`];
}

/** A `--form-string` is taken as it is, while a `-F` may begin with a sign that means a file. */
function formOptions({ plain, images, mask }) {
  const texts = textsOf({ ...plain, ...INLINE }).map(([name, text]) => `  --form-string ${quoted(`${name}=${text}`)}`);
  const files = [...images.map(({ name }) => ['image[]', name]), ...(mask ? [['mask', MASK]] : [])];
  return [...texts, ...files.map(([field, name]) => `  -F ${quoted(`${field}=@"${name.replace(/["\\]/g, '\\$&')}"`)}`)];
}

/** Return a Python program that saves the images of a request with OpenAI's client. */
export function pythonOf(request, base) {
  return [
    'import base64',
    'import os',
    'import pathlib',
    '',
    'from openai import OpenAI',
    ...(isPlain(request) ? [] : ['from openai.types import ImagesResponse']),
    '',
    `client = OpenAI(base_url=${literal(new URL('v1', base).href)}, api_key=os.environ["TINTYPE_API_KEY"])`,
    ...(isPlain(request) ? pythonCall(request) : pythonPost(request)),
    'for number, image in enumerate(answer.data, 1):',
    `    path = pathlib.Path(f"image-{number}.${extension(request)}")`,
    '    path.write_bytes(base64.b64decode(image.b64_json or ""))',
  ].join('\n');
}

/** Say whether the client's own methods can send it: an edit must have a prompt, a variation one image. */
function isPlain({ operation, plain, images }) {
  return operation.name === 'variation' ? images.length === 1 : 'prompt' in plain;
}

function pythonCall({ operation, plain, images, mask }) {
  const entries = Object.entries({ ...plain, ...INLINE });
  const own = entries.filter(([name]) => ARGUMENTS[operation.name].has(name));
  const extra = entries.filter(([name]) => !ARGUMENTS[operation.name].has(name));
  const files = images.map(({ name }) => `open(${literal(name)}, "rb")`);
  return [
    `answer = client.images.${PYTHON[operation.name]}(`,
    files.length > 0 && `    image=${files.length > 1 ? `[${files.join(', ')}]` : files[0]},`,
    mask && `    mask=open("${MASK}", "rb"),`,
    ...own.map(([name, value]) => `    ${name}=${literal(value)},`),
    extra.length > 0 && `    extra_body=${literal(Object.fromEntries(extra))},`,
    ')',
  ].filter(Boolean);
}

function pythonPost({ operation, plain, images, mask }) {
  const files = images.map(({ name }) => `("image[]", open(${literal(name)}, "rb"))`);
  if (mask) files.push(`("mask", open("${MASK}", "rb"))`);
  return [
    'answer = client.post(',
    `    "${operation.path.replace('v1', '')}",`,
    '    cast_to=ImagesResponse,',
    `    body=${literal({ ...plain, ...INLINE })},`,
    `    files=[${files.join(', ')}],`,
    '    options={"headers": {"Content-Type": "multipart/form-data"}},',
    ')',
  ];
}

/** Return a program for Node.js that saves the images of a request with OpenAI's client. */
export function nodeOf({ operation, plain, images, mask }, base) {
  const files = images.map(({ name }) => `createReadStream(${JSON.stringify(name)})`);
  const fields = [
    files.length > 0 && `image: ${files.length > 1 ? `[${files.join(', ')}]` : files[0]}`,
    mask && `mask: createReadStream('${MASK}')`,
    ...Object.entries({ ...plain, ...INLINE }).map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
  ];
  return [
    files.length > 0 && "import { createReadStream } from 'node:fs';",
    "import { writeFile } from 'node:fs/promises';",
    "import OpenAI from 'openai';",
    '',
    `const client = new OpenAI({ baseURL: ${JSON.stringify(new URL('v1', base).href)}, apiKey: process.env.TINTYPE_API_KEY });`,
    `const answer = await client.images.${NODE[operation.name]}({`,
    ...fields.filter(Boolean).map((field) => `  ${field},`),
    '});',
    'for (const [index, image] of answer.data.entries()) {',
    `  await writeFile(\`image-\${index + 1}.${extension({ plain })}\`, Buffer.from(image.b64_json ?? '', 'base64'));`,
    '}',
  ].filter((line) => line !== false).join('\n');
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

function extension({ plain }) {
  return plain.output_format ?? 'png';
}
