// Asks a gateway through OpenAI's own client, and prints what came of it as JSON.
//
//     node ask.mjs generate '{"model": "gpt-image-1", "prompt": "a red fox"}'

import { createReadStream } from "node:fs";

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: process.env.BASE_URL,
  apiKey: process.env.API_KEY,
  maxRetries: Number(process.env.MAX_RETRIES),
});

const QUESTIONS = {
  async generate(request) {
    const answer = await client.images.generate(request);
    return { ...answer, requestId: answer._request_id };
  },
  async stream(request) {
    return collected(client.images.generate({ ...request, stream: true }));
  },
  async edit(request) {
    return client.images.edit(withFiles(request));
  },
  async editStream(request) {
    return collected(client.images.edit({ ...withFiles(request), stream: true }));
  },
  async variation(request) {
    return client.images.createVariation(withFiles(request));
  },
  async models() {
    const models = [];
    for await (const model of client.models.list()) models.push(model);
    return models;
  },
  async model(id) {
    return client.models.retrieve(id);
  },
};

// A path becomes the file that is there, and a list of paths a list of files.
function withFiles({ image, mask, ...request }) {
  const files = Array.isArray(image) ? image.map((path) => createReadStream(path)) : createReadStream(image);
  return { ...request, image: files, ...(mask && { mask: createReadStream(mask) }) };
}

async function collected(stream) {
  const events = [];
  try {
    for await (const event of await stream) events.push(event);
  } catch (error) {
    if (events.length === 0) throw error;
    events.push(described(error));
  }
  return events;
}

function described(error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  const { status, code, param, type, requestID } = error;
  return { raised: error.constructor.name, status, code, param, type, requestID };
}

const [question, argument] = process.argv.slice(2);
const answer = await QUESTIONS[question](JSON.parse(argument)).catch(described);
console.log(JSON.stringify(answer));
