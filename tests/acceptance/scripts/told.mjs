// What every script is told by its environment, and what it tells: one line of JSON.
import { createHash } from "node:crypto";

export const BASE_URL = process.env.PEER_BASE_URL;
export const MASK = process.env.PEER_MASK;
export const STEPS = JSON.parse(process.env.PEER_STEPS);
export const REFUSED = process.env.PEER_REFUSED;

export const tell = (pictures, partials, refusal) => {
  const hashes = pictures.map((one) => createHash("sha256").update(one).digest("hex"));
  console.log(JSON.stringify({ pictures: hashes, partials, refusal }));
};
