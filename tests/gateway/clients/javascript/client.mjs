// Asks a gateway through the AI SDK: one question a line of the input, one answer a line of the output.
// The SDK reads responses through its own schema, and has no streams of images.

import { createInterface } from "node:readline";
import { createOpenAI } from "@ai-sdk/openai";
import { generateImage } from "ai";

const { BASE_URL, API_KEY, PROFILE } = process.env;
const provider = createOpenAI({
  baseURL: BASE_URL,
  apiKey: API_KEY,
  headers: { "Tintype-Profile": PROFILE },
});

async function answered({ body: { model, prompt, n, ...others } }) {
  try {
    const result = await generateImage({
      model: provider.image(model),
      prompt,
      n,
      maxImagesPerCall: n,
      maxRetries: 0,
      providerOptions: { openai: others },
    });
    return {
      images: result.images.map(({ base64 }) => base64),
      total_tokens: [result.usage.totalTokens],
      created: result.providerMetadata.openai.images.map(({ created }) => created),
    };
  } catch (error) {
    const told = error.data?.error ?? {};
    return { images: [], raised: error.name, status: error.statusCode, code: told.code, message: error.message };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answered(JSON.parse(line))));
}
