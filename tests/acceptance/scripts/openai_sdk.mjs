// OpenAI's Node SDK: a conversation goes on by the id of the answer, then in a stream.
import OpenAI from "openai";
import { BASE_URL, MASK, REFUSED, STEPS, tell } from "./told.mjs";

const client = new OpenAI({ baseURL: BASE_URL, apiKey: "any" });
const TOOL = { type: "image_generation", size: "1024x1024" };

const drawn = (response) => {
  const [item] = response.output.filter((one) => one.type === "image_generation_call");
  return Buffer.from(item.result, "base64");
};
const body = (text, before, tool = {}) => ({
  model: "gpt-5.5",
  input: text,
  tools: [{ ...TOOL, ...tool }],
  previous_response_id: before?.id,
});

const first = await client.responses.create(body(STEPS[0]));
const second = await client.responses.create(body(STEPS[1], first));
const mask = { input_image_mask: { image_url: MASK } };
const third = await client.responses.create(body(STEPS[2], second, mask));
const stream = client.responses.stream(body(STEPS[3], third, { partial_images: 2 }));
let partials = 0;
for await (const event of stream) {
  partials += event.type === "response.image_generation_call.partial_image" ? 1 : 0;
}
const fourth = await stream.finalResponse();
let refusal = null;
try {
  await client.responses.create(body(REFUSED));
} catch (error) {
  refusal = [error.status, error.code, Boolean(error.requestID)];
}
tell([first, second, third, fourth].map(drawn), partials, refusal);
