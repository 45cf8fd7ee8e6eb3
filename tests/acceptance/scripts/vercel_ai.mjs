// Vercel's AI SDK: messages, whose pictures it names by references to items.
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, streamText } from "ai";
import { BASE_URL, MASK, REFUSED, STEPS, tell } from "./told.mjs";

const openai = createOpenAI({ baseURL: BASE_URL, apiKey: "any" });
const tools = (more = {}) => ({
  image_generation: openai.tools.imageGeneration({ size: "1024x1024", ...more }),
});
const asked = (text) => ({ role: "user", content: text });
const model = openai.responses("gpt-5.5");
const pictures = [];
const keep = (results) => {
  const made = results.filter((one) => one.toolName === "image_generation");
  pictures.push(Buffer.from(made.at(-1).output.result, "base64"));
};

const messages = [];
const turn = async (text, more) => {
  messages.push(asked(text));
  const told = await generateText({ model, messages, tools: tools(more), maxRetries: 0 });
  keep(told.toolResults);
  messages.push(...told.response.messages);
};

await turn(STEPS[0]);
await turn(STEPS[1]);
await turn(STEPS[2], { inputImageMask: { imageUrl: MASK } });
messages.push(asked(STEPS[3]));
const stream = streamText({ model, messages, tools: tools({ partialImages: 2 }), maxRetries: 0 });
const results = [];
for await (const part of stream.fullStream) {
  if (part.type === "tool-result") results.push(part);
  if (part.type === "error") throw part.error;
}
keep(results);
let refusal = null;
try {
  await generateText({ model, prompt: REFUSED, tools: tools(), maxRetries: 0 });
} catch (error) {
  const { code } = JSON.parse(error.responseBody).error;
  refusal = [error.statusCode, code, Boolean(error.responseHeaders["x-request-id"])];
}
tell(pictures, results.length - 1, refusal);
