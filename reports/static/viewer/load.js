// Frames from the server: the first at once, the others while it is looked at already.
import { say } from "./words.js";

const TYPES = { uint8: Uint8Array, uint16: Uint16Array, int16: Int16Array, float32: Float32Array, rgb: Uint8Array };
const MOST_KEPT = 256 * 2 ** 20;
const kept = new Map();

export async function ask(url, signal) {
  let answer;
  try {
    answer = await fetch(url, { signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(say("lost"));
  }
  // It went to the login, or the break-glass page's hour is over.
  if (answer.redirected || answer.status === 403) throw new Error(say("session"));
  if (!answer.ok) throw new Error(await reason(answer));
  return answer;
}

async function reason(answer) {
  try {
    return (await answer.json()).error || say("failed");
  } catch {
    return say("failed");
  }
}

export async function json(url, signal) { return (await ask(url, signal)).json(); }

// One image: what is told of it, and its frames as far as they are here.
class Frames {
  constructor(about) {
    this.about = about;
    this.count = about.frames.length;
    this.values = about.rows * about.columns * (about.type === "rgb" ? 3 : 1);
    const Type = TYPES[about.type];
    this.all = new Type(this.values * this.count);
    this.bytes = new Uint8Array(this.all.buffer);
    this.here = 0;
    this.filled = 0;
  }

  has(frame) { return frame < this.here; }

  frame(number) { return this.all.subarray(number * this.values, (number + 1) * this.values); }

  async fill(answer, more) {
    const reader = answer.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      this.bytes.set(part.value, this.filled);
      this.filled += part.value.length;
      const here = Math.floor(this.filled / (this.bytes.length / this.count));
      if (here > this.here) {
        this.here = here;
        more(this);
      }
    }
  }
}

// Calls `more` whenever further frames have come; resolves when all have.
export async function image(listed, signal, more) {
  const before = kept.get(listed.uid);
  if (before) {
    more(before);
    return before;
  }
  const [about, first] = await Promise.all([
    json(listed.meta, signal),
    ask(`${listed.pixels}?first=0&count=1`, signal),
  ]);
  const frames = new Frames(about);
  await frames.fill(first, more);
  if (frames.count > 1) await frames.fill(await ask(`${listed.pixels}?first=1`, signal), more);
  if (frames.here < frames.count) throw new Error(say("lost"));
  keep(listed.uid, frames);
  return frames;
}

function keep(uid, frames) {
  kept.set(uid, frames);
  let sum = 0;
  for (const [other, each] of [...kept].reverse()) {
    sum += each.bytes.length;
    if (sum > MOST_KEPT && other !== uid) kept.delete(other);
  }
}
