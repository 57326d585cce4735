// Key images: told to whoever listens (the report's editor), and listed here.
import { caption } from "./caption.js";
import { number, say } from "./words.js";

export class Picked {
  constructor(section, again) {
    this.section = section;
    this.list = section.querySelector("ol");
    this.again = again;
  }

  add(pane, told, canvas) {
    document.dispatchEvent(new CustomEvent("key-image", { detail: { ...told } }));
    this.section.hidden = false;
    const item = document.createElement("li");
    const shown = document.createElement("button");
    shown.type = "button";
    const text = caption(pane.frames.about, told.frame);
    shown.setAttribute("aria-label", say("show again", { what: text }));
    const small = document.createElement("canvas");
    small.width = canvas.width;
    small.height = canvas.height;
    small.getContext("2d").drawImage(canvas, 0, 0);
    shown.append(small);
    shown.addEventListener("click", () => this.again(pane, told));
    const words = document.createElement("span");
    words.textContent = [text, `${number(told.low)}–${number(told.high)}`, told.note].filter(Boolean).join(" · ");
    item.append(shown, words);
    this.list.append(item);
  }
}
