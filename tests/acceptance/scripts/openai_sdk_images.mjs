// OpenAI's Node SDK on the Images API: a picture goes on by its bytes.
import OpenAI, { toFile } from "openai";
import { BASE_URL, MASK, REFUSED, STEPS, tell } from "./told.mjs";

const client = new OpenAI({ baseURL: BASE_URL, apiKey: "any" });
const common = { model: "gpt-image-2", size: "1024x1024" };
const png = (bytes, name) => toFile(bytes, name, { type: "image/png" });
const drawn = (answer) => Buffer.from(answer.data[0].b64_json, "base64");
const edit = async (prompt, before, more = {}) =>
  client.images.edit({ prompt, image: await png(before, "picture.png"), ...common, ...more });

const first = drawn(await client.images.generate({ prompt: STEPS[0], ...common }));
const second = drawn(await edit(STEPS[1], first));
const mask = await png(Buffer.from(MASK.split(",")[1], "base64"), "mask.png");
const third = drawn(await edit(STEPS[2], second, { mask }));
let partials = 0;
let fourth;
for await (const event of await edit(STEPS[3], third, { stream: true, partial_images: 2 })) {
  if (event.type === "image_edit.partial_image") partials += 1;
  if (event.type === "image_edit.completed") fourth = Buffer.from(event.b64_json, "base64");
}
let refusal = null;
try {
  await client.images.generate({ prompt: REFUSED, ...common });
} catch (error) {
  refusal = [error.status, error.code, Boolean(error.requestID)];
}
tell([first, second, third, fourth], partials, refusal);
