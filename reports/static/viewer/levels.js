// The lower and the upper level, each by number, by its handle on the bar, or by keys.
import { strip } from "./paint.js";
import { fine, say } from "./words.js";

export class Levels {
  constructor(find, changed) {
    this.low = find(".low");
    this.high = find(".high");
    this.bars = [find(".bar-low"), find(".bar-high")];
    this.strip = find(".strip");
    this.changed = changed;
    this.top = this.gap = 1;
    for (const field of [this.low, this.high]) field.addEventListener("change", () => this.#read());
    this.bars.forEach((bar, which) => bar.addEventListener("input", () => this.#drag(which)));
  }

  show(about, look, top) {
    this.about = about;
    this.look = look;
    this.whole = about.type !== "float32";
    this.top = Math.max(this.whole ? 1 : 0, top, look.high);
    // How near the two may come: a count, or of values that are no whole numbers a thousandth.
    this.gap = this.whole ? 1 : this.top / 1000;
    this.low.value = this.whole ? look.low : this.held(look.low);
    this.high.value = this.whole ? look.high : this.held(look.high);
    for (const bar of this.bars) {
      bar.min = Math.min(0, about.least, look.low);
      bar.max = this.top;
      bar.step = this.whole ? 1 : "any";
      bar.disabled = about.type === "rgb";
    }
    this.low.disabled = this.high.disabled = about.type === "rgb";
    const floor = Number(this.bars[0].min);
    [look.low, look.high].forEach((value, which) => {
      this.bars[which].value = value;
      this.bars[which].setAttribute("aria-valuetext", this.#said(value));
    });
    const share = (value) => (value - floor) / (this.top - floor);
    strip(this.strip, look.palette, share(look.low), share(look.high));
  }

  // As exactly as it can be set.
  held(value) { return this.whole ? Math.round(value) : Number(value.toPrecision(6)); }

  #said(value) { return this.whole ? say("counts", { n: value }) : `${fine(value)} ${this.about.units}`; }

  #read() {
    const [low, high] = [Number(this.low.value), Number(this.high.value)];
    if (this.low.value !== "" && this.high.value !== "" && low < high) this.changed(low, high);
    else this.show(this.about, this.look, this.top);
  }

  #drag(which) {
    const value = Number(this.bars[which].value);
    if (which === 0) this.changed(Math.min(value, this.look.high - this.gap), this.look.high);
    else this.changed(this.look.low, Math.max(value, this.look.low + this.gap));
  }

  // A step of keys is a fiftieth of all, at least one count.
  nudge(low, high) {
    const step = Math.max(this.gap, this.whole ? Math.round(this.top / 50) : this.top / 50);
    const to = Math.max(this.look.low + this.gap, this.look.high + high * step);
    const from = Math.min(to - this.gap, Math.max(Number(this.bars[0].min), this.look.low + low * step));
    this.changed(from, to);
  }
}
