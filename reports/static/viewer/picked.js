// Key images: told to whoever listens (the report's editor), and listed here.
import { caption } from "./caption.js";
import { fine, say } from "./words.js";

const MOST_LEVEL = 1e9;  // reports/writing/content.py takes no more

// A slice of a stack is an object of its own, and a report draws it from what that one has stored.
function own(about, { frame, low, high }) {
  const { uid, slope, intercept } = about.frames[frame];
  if (uid === undefined) return {};
  if (about.type !== "float32") return { image: uid, frame: 0 };
  // Of a slice that is nearly empty the levels may be far beyond all that it has.
  const stored = (value, least, most) => Math.max(least, Math.min(most, (value - intercept) / slope));
  return { image: uid, frame: 0, low: stored(low, -MOST_LEVEL, MOST_LEVEL - 1), high: stored(high, 1 - MOST_LEVEL, MOST_LEVEL) };
}

export class Picked {
  constructor(section, again) {
    this.section = section;
    this.list = section.querySelector("ol");
    this.again = again;
  }

  // `shown` as the viewer has it: a frame of a stack, and its window over the whole stack.
  add(pane, shown, canvas) {
    document.dispatchEvent(new CustomEvent("key-image", { detail: { ...shown, ...own(pane.frames.about, shown) } }));
    this.section.hidden = false;
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const text = caption(pane.frames.about, shown.frame);
    button.setAttribute("aria-label", say("show again", { what: text }));
    const small = document.createElement("canvas");
    small.width = canvas.width;
    small.height = canvas.height;
    small.getContext("2d").drawImage(canvas, 0, 0);
    button.append(small);
    button.addEventListener("click", () => this.again(pane, shown));
    const words = document.createElement("span");
    words.textContent = [text, `${fine(shown.low, 0)}–${fine(shown.high, 0)}`, shown.note].filter(Boolean).join(" · ");
    item.append(button, words);
    this.list.append(item);
  }
}
