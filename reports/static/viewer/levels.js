// The lower and the upper level, each by number, by its handle on the bar, or by keys.
import { strip } from "./paint.js";
import { say } from "./words.js";

export class Levels {
  constructor(find, changed) {
    this.low = find(".low");
    this.high = find(".high");
    this.bars = [find(".bar-low"), find(".bar-high")];
    this.strip = find(".strip");
    this.changed = changed;
    this.top = 1;
    for (const field of [this.low, this.high]) field.addEventListener("change", () => this.#read());
    this.bars.forEach((bar, which) => bar.addEventListener("input", () => this.#drag(which)));
  }

  show(about, look, top) {
    this.about = about;
    this.look = look;
    this.top = Math.max(1, top, look.high);
    this.low.value = look.low;
    this.high.value = look.high;
    for (const bar of this.bars) {
      bar.min = Math.min(0, about.least, look.low);
      bar.max = this.top;
      bar.disabled = about.type === "rgb";
    }
    this.low.disabled = this.high.disabled = about.type === "rgb";
    const floor = Number(this.bars[0].min);
    [look.low, look.high].forEach((value, which) => {
      this.bars[which].value = value;
      this.bars[which].setAttribute("aria-valuetext", say("counts", { n: value }));
    });
    const share = (value) => (value - floor) / (this.top - floor);
    strip(this.strip, look.palette, share(look.low), share(look.high));
  }

  #read() {
    const [low, high] = [Number(this.low.value), Number(this.high.value)];
    if (this.low.value !== "" && this.high.value !== "" && low < high) this.changed(low, high);
    else this.show(this.about, this.look, this.top);
  }

  #drag(which) {
    const value = Number(this.bars[which].value);
    if (which === 0) this.changed(Math.min(value, this.look.high - 1), this.look.high);
    else this.changed(this.look.low, Math.max(value, this.look.low + 1));
  }

  // A step of keys is a fiftieth of all, at least one count.
  nudge(low, high) {
    const step = Math.max(1, Math.round(this.top / 50));
    const to = Math.max(this.look.low + 1, this.look.high + high * step);
    const from = Math.min(to - 1, Math.max(Number(this.bars[0].min), this.look.low + low * step));
    this.changed(from, to);
  }
}
