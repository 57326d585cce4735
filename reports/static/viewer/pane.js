// One study to look at: which image, which frame, which window. Two of them stand side by side.
import { caption, counts, loop } from "./caption.js";
import { Cine } from "./cine.js";
import { Grid } from "./grid.js";
import { keys } from "./keys.js";
import { Levels } from "./levels.js";
import { image } from "./load.js";
import { draw, painter } from "./paint.js";
import { DRAWN, Regions } from "./regions.js";
import { Stage } from "./stage.js";
import { number, say, sayKind } from "./words.js";

export class Pane {
  constructor(root, list, palettes, hooks) {
    this.root = root;
    this.list = list;
    this.hooks = hooks;
    this.palette = "grey";
    this.tool = "pan";
    this.index = 0;
    this.order = [];
    this.windows = new Map();
    this.crossed = null;
    this.find = (selector) => root.querySelector(selector);
    this.canvas = this.find(".frame");
    this.stage = new Stage(this, this.find);
    this.regions = new Regions(this, this.find);
    this.levels = new Levels(this.find, (low, high) => this.setWindow(low, high));
    this.grid = new Grid(this.find(".grid"), (index) => this.show(index, true));
    this.cine = new Cine((due) => this.step(due));
    this.palettes = palettes;
    this.#fill();
    this.#wire();
    root.addEventListener("keydown", (event) => keys(this, event));
  }

  #fill() {
    const { study, images } = this.list;
    this.find(".what").textContent = [study.when, study.description, study.device].filter(Boolean).join(" · ");
    this.find(".images").replaceChildren(...images.map((each, number) => {
      const kind = each.kind && sayKind(each.kind);
      const frames = each.frames > 1 ? `× ${each.frames}` : "";
      return new Option([number + 1, each.series, kind, frames].filter(Boolean).join(" · "), number);
    }));
  }

  #wire() {
    const click = (selector, act) => this.find(selector).addEventListener("click", act);
    const change = (selector, act) => this.find(selector).addEventListener("change", (event) => act(event.target.value));
    change(".images", (value) => this.open(Number(value)));
    change(".loops", (value) => this.part(Number(value)));
    change(".palette", (value) => this.setPalette(value));
    change(".tool", (value) => { this.tool = value; });
    change(".rate", (value) => { this.cine.rate = Math.min(30, Math.max(0.5, Number(value) || 1)); });
    click(".play", () => this.toggle());
    click(".back", () => this.step(-1));
    click(".on", () => this.step(1));
    click(".as-grid", () => this.setGrid(!this.gridded, true));
    click(".fit", () => this.stage.fit());
    click(".larger", () => this.stage.zoomBy(1.25));
    click(".smaller", () => this.stage.zoomBy(0.8));
    click(".full", () => this.fullWindow());
    click(".pick", () => this.pick());
    click(".help", () => this.hooks.help());
    click(".drop", () => this.regions.remove());
  }

  // The first frame is shown as soon as it is here; the others come while it is looked at.
  async open(number) {
    this.opened = number;
    const listed = this.list.images[number];
    if (!listed) return this.tell(say("no images"));
    this.pending?.abort();
    this.pending = new AbortController();
    this.cine.stop();
    this.frames = null;
    this.root.dataset.state = "loading";
    this.find(".images").value = number;
    this.tell(say("loading"));
    try {
      await image(listed, this.pending.signal, (frames) => this.#come(listed, frames));
      this.root.dataset.state = "all";
      this.tell("");
      this.regions.showCurve();
      performance.mark("viewer-all-frames");
    } catch (error) {
      if (error.name !== "AbortError") this.#failed(error);
    }
  }

  #failed(error) {
    this.root.dataset.state = "failed";
    this.tell(error.message, true);
  }

  #come(listed, frames) {
    if (this.frames) {
      if (frames.here < frames.count) this.tell(say("loaded", { n: frames.here, all: frames.count }));
      this.grid.redraw();
      return;
    }
    this.frames = frames;
    this.listed = listed;
    this.root.dataset.state = "first";
    this.#begin(frames.about);
    performance.mark("viewer-first-image");
  }

  #begin(about) {
    this.cine.suggest(about.rate);
    this.find(".rate").value = Math.round(this.cine.rate * 100) / 100;
    this.loops = [...new Set(about.frames.map((frame) => frame.loop))];
    const options = this.loops.map((each) => new Option(loop(about, about.frames.findIndex((frame) => frame.loop === each)), each));
    if (this.loops.length > 1) options.unshift(new Option(say("all frames"), -1));
    this.find(".loops").replaceChildren(...options);
    this.find(".loops-label").hidden = this.loops.length < 2;
    const single = about.frames.length < 2;
    for (const selector of [".moving", ".as-grid"]) this.find(selector).hidden = single;
    this.find(".timed").hidden = about.alone;  // pictures of their own are no film
    this.find(".notes").textContent = this.#notes(about);
    this.regions.clear();
    this.stage.fit();
    this.cross(null);
    this.part(this.loops[0]);
    this.find(".grid").classList.toggle("alone", about.alone);
    this.setGrid(!single && about.alone);  // front and back of a body stand side by side
  }

  #notes(about) {
    const missing = about.missing.length ? say("missing", { names: about.missing.join(", ") }) : "";
    const { mapping } = about;
    const mapped = mapping && say(`mapping ${mapping.source}`, {
      slope: number(mapping.slope, 6), intercept: number(mapping.intercept, 6), units: mapping.units,
    });
    const scaled = about.type === "float32" && say("scaled", { units: about.units });
    const left = (about.left ?? []).map((each) => say("left", { n: each.number, why: each.why }));
    return [missing, mapped, scaled, ...left].filter(Boolean).join(" ");
  }

  part(which) {
    const { about } = this.frames;
    this.find(".loops").value = which;
    this.order = about.frames.map((_frame, index) => index).filter((index) => which < 0 || about.frames[index].loop === which);
    this.grid.show(this.frames, this.order, (index) => this.#painted(index));
    this.show(this.order.includes(this.index) ? this.index : this.order[0]);
    this.regions.showCurve();
  }

  // One window for the series; pictures of their own have each its own.
  get look() { return this.lookOf(this.index); }

  lookOf(index) {
    const { about } = this.frames;
    const own = about.alone ? about.frames[index] : about;
    const key = `${this.listed.uid} ${about.alone ? index : ""}`;
    const { low, high } = this.windows.get(key) ?? own;
    return { key, low, high, palette: this.palette };
  }

  #painted(index) {
    if (!this.frames?.has(index)) return null;
    const { about } = this.frames;
    const look = this.lookOf(index);
    const stamp = `${look.key} ${look.low} ${look.high} ${look.palette}`;
    if (this.stamp !== stamp) Object.assign(this, { stamp, colour: painter(about, look) });
    return { about, values: this.frames.frame(index), colour: this.colour };
  }

  show(index, focus = false) {
    if (!this.frames) return;
    this.index = index;
    this.draw();
    this.grid.mark(index, focus && this.gridded);
    const text = caption(this.frames.about, index);
    this.find(".caption").textContent = text;
    this.find(".caption").setAttribute("aria-live", this.cine.playing ? "off" : "polite");
    this.under(this.crossed);
    if (!this.regions.figure.hidden && !this.cine.playing) this.regions.showCurve();
  }

  draw() {
    if (!this.frames) return;
    const { about } = this.frames;
    const own = about.alone ? about.frames[this.index] : about;
    this.levels.show(about, this.look, own.most);
    const told = this.#painted(this.index);
    if (told) draw(this.canvas, about, told.values, told.colour);
  }

  step(by) {
    if (!this.order.length) return;
    const all = this.order.length;
    const at = (this.order.indexOf(this.index) + (by % all) + all) % all;
    if (!this.cine.playing || this.frames.has(this.order[at])) this.show(this.order[at], !this.cine.playing);
  }

  toggle() {
    if (this.cine.playing) this.cine.stop();
    else if (this.order.length > 1 && !this.frames.about.alone) this.cine.play();
    const { playing } = this.cine;
    this.find(".play").setAttribute("aria-pressed", String(playing));
    this.find(".play").textContent = say(playing ? "pause" : "play");
    if (!playing) this.show(this.index);
  }

  setWindow(low, high, told = false) {
    if (!this.frames || !(low < high) || this.frames.about.type === "rgb") return;
    this.windows.set(this.look.key, { low, high });
    this.#later();
    if (!told) this.hooks.windowed?.(this, low, high);
  }

  fullWindow() {
    if (!this.frames) return;
    this.windows.delete(this.look.key);
    this.#later();
  }

  setPalette(name, told = false) {
    this.palette = name;
    this.find(".palette").value = name;
    if (this.frames) this.#later();
    if (!told) this.hooks.coloured?.(this, name);
  }

  // Dragging asks more often than a screen shows.
  #later() {
    this.levels.look = this.look;  // the next key goes on from here, whether or not it is drawn yet
    if (this.due) return;
    this.due = requestAnimationFrame(() => {
      this.due = 0;
      this.draw();
      if (this.gridded) this.grid.redraw();
    });
  }

  setGrid(on, focus = false) {
    this.gridded = on;
    this.find(".as-grid").setAttribute("aria-pressed", String(on));
    this.find(".grid").hidden = !on;
    this.find(".stage").hidden = on;
    if (on) this.grid.mark(this.index, focus);
    else this.stage.place();
  }

  setTool(name) {
    this.tool = name;
    this.find(".tool").value = name;
  }

  addRegion() { this.regions.addInMiddle(DRAWN.includes(this.tool) ? this.tool : "ellipse"); }

  // The counts at a place of the image.
  under(point) {
    const place = this.find(".under");
    if (!point || !this.frames?.has(this.index) || this.frames.about.type === "rgb") {
      place.textContent = "";
      return;
    }
    const { about } = this.frames;
    const [x, y] = point.map(Math.floor);
    const out = x < 0 || y < 0 || x >= about.columns || y >= about.rows;
    const value = out ? null : this.frames.frame(this.index)[y * about.columns + x];
    place.textContent = out ? "" : say("under", { x: x + 1, y: y + 1, n: counts(about, value) });
  }

  cross(point) {
    this.crossed = point;
    this.stage.showCross(point);
    this.under(point);
  }

  pick() {
    if (!this.frames?.has(this.index)) return;
    this.draw();  // as it is now, also when a palette was chosen a moment ago
    const { low, high } = this.look;
    const note = this.find(".note");
    const shown = { image: this.listed.uid, frame: this.index, low, high, palette: this.palette, note: note.value.trim() };
    this.hooks.picked(this, shown, this.canvas);
    note.value = "";
    this.tell(say("picked"));
  }

  tell(text, wrong = false) {
    const status = this.find(".status");
    status.textContent = text;
    status.classList.toggle("wrong", wrong);
  }
}
