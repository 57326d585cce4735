// What a frame is, in words.
import { fine, number, say, sayView } from "./words.js";

const PARTS = {
  image: (frame) => frame.number !== undefined && say("image", { n: frame.number }),
  window: (frame) => frame.window ?? (frame.window_number ? say("window", { n: frame.window_number }) : ""),
  detector: (frame) => [frame.detector && say("detector", { n: frame.detector }), sayView(frame)].filter(Boolean).join(", "),
  phase: (frame) => frame.phase && say("phase", { n: frame.phase }),
  rotation: (frame) => frame.rotation > 1 && say("rotation", { n: frame.rotation }),
  turn: (frame) => (frame.angle === undefined ? frame.turn && say("angular", { n: frame.turn }) : `${number(frame.angle, 1)}°`),
  interval: (frame) => frame.interval > 1 && say("interval", { n: frame.interval }),
  slot: (frame) => frame.slot && say("slot", { n: frame.slot }),
  slice: (frame) => frame.slice && say("slice", { n: frame.slice })
    + (frame.position === undefined ? "" : ` (${number(frame.position, 1)} mm)`),
};

function described(frame, names) {
  return names.map((name) => PARTS[name](frame)).filter(Boolean).join(" · ");
}

export function time(frame) {
  if (frame.duration === undefined) return "";
  const beat = frame.slot !== undefined;  // a slot of a heartbeat: milliseconds
  const [unit, by, digits] = beat ? ["ms", 1000, 0] : ["s", 1, 1];
  const long = number(frame.duration * by, digits);
  if (frame.start === undefined) return `${long} ${unit}`;
  const end = number((frame.start + frame.duration) * by, digits);
  return `${number(frame.start * by, digits)}–${end} ${unit}`;
}

export function caption(about, index) {
  const frame = about.frames[index];
  const where = say("frame of", { n: index + 1, all: about.frames.length });
  return [where, time(frame), described(frame, Object.keys(PARTS))].filter(Boolean).join(" · ");
}

export function short(about, index) {
  const frame = about.frames[index];
  if (frame.number !== undefined) {  // of a stack
    const when = frame.start === undefined ? "" : time(frame);
    return [index + 1, when, described(frame, [frame.slice ? "slice" : "image"])].filter(Boolean).join(" · ");
  }
  if (about.alone) return [index + 1, sayView(frame) || described(frame, ["detector"])].filter(Boolean).join(" · ");
  return [index + 1, time(frame) || described(frame, ["turn", "slice"]) || sayView(frame)].filter(Boolean).join(" · ");
}

export function loop(about, index) {
  return described(about.frames[index], about.same) || say("all frames");
}

// A stored value, and what it stands for where the object says that.
export function counts(about, value) {
  if (about.type === "float32") return `${fine(value)} ${about.units}`.trim();
  if (!about.mapping) return number(value, 2);
  const { slope, intercept, units } = about.mapping;
  return `${number(value, 2)} → ${number(value * slope + intercept, 3)} ${units}`.trim();
}
