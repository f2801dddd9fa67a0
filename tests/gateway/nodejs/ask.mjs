// Asks a gateway through OpenAI's own client, and prints what came of it as JSON.
//
//     node ask.mjs generate '{"model": "gpt-image-1", "prompt": "a red fox"}'

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
    const events = [];
    try {
      for await (const event of await client.images.generate({ ...request, stream: true })) {
        events.push(event);
      }
    } catch (error) {
      if (events.length === 0) throw error;
      events.push(described(error));
    }
    return events;
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

function described(error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  const { status, code, param, type, requestID } = error;
  return { raised: error.constructor.name, status, code, param, type, requestID };
}

const [question, argument] = process.argv.slice(2);
const answer = await QUESTIONS[question](JSON.parse(argument)).catch(described);
console.log(JSON.stringify(answer));
