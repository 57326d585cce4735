// The large frame: how large and where it is shown, and what a pointer does to it.
import { moved } from "./shapes.js";

const MOST_ZOOM = 16;

export class Stage {
  constructor(pane, find) {
    this.pane = pane;
    this.box = find(".stage");
    this.moved = find(".moved");
    this.canvas = find(".frame");
    this.svg = find(".shapes");
    this.cross = find(".cross");
    this.pointers = new Map();
    this.fit();
    new ResizeObserver(() => this.place()).observe(this.box);
    this.box.addEventListener("pointerdown", (event) => this.#down(event));
    this.box.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) this.box.addEventListener(name, (event) => this.#up(event));
    this.box.addEventListener("pointerleave", () => pane.under(null));
    this.box.addEventListener("contextmenu", (event) => event.preventDefault());
    this.box.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  fit() {
    Object.assign(this, { zoom: 1, x: 0, y: 0 });
    this.place();
  }

  // Fitted into the box with the pixels' own proportions; enlarged smoothly by the browser.
  place() {
    const about = this.pane.frames?.about;
    if (!about) return;
    const [between, across] = about.spacing ?? [1, 1];
    const [width, height] = [about.columns * across, about.rows * between];
    const scale = Math.min(this.box.clientWidth / width, this.box.clientHeight / height);
    Object.assign(this.moved.style, {
      width: `${width * scale}px`,
      height: `${height * scale}px`,
      transform: `translate(${this.x}px, ${this.y}px) scale(${this.zoom})`,
    });
    this.svg.setAttribute("viewBox", `0 0 ${about.columns} ${about.rows}`);
  }

  zoomBy(factor) {
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    if (this.zoom === 1) this.x = this.y = 0;
    this.place();
  }

  panBy(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.place();
  }

  // Where a pointer is, in the image's pixels.
  point(event) {
    const { about } = this.pane.frames;
    const shown = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - shown.left) / shown.width) * about.columns,
      ((event.clientY - shown.top) / shown.height) * about.rows,
    ];
  }

  #down(event) {
    if (!this.pane.frames || event.button > 2) return;
    this.box.focus({ preventScroll: true });
    this.box.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event);
    this.drag = null;
    if (this.pointers.size === 1) this.drag = this.#begin(event);
    event.preventDefault();
  }

  #begin(event) {
    const { tool, regions, look } = this.pane;
    const from = this.point(event);
    const begun = { from, x: event.clientX, y: event.clientY, kind: "pan" };
    if (event.button === 2 || tool === "window") return { ...begun, kind: "window", low: look.low, high: look.high };
    if (tool === "pan" || event.button === 1) return begun;
    const here = regions.at(...from);
    if (here < 0) return { ...begun, kind: "draw", points: [from] };
    regions.choose(here);
    return { ...begun, kind: "carry", shape: regions.shapes[here] };
  }

  #move(event) {
    if (!this.pane.frames) return;
    this.pane.under(this.point(event));
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size === 2) this.#pinch(before, event);
    else if (this.drag) this.#dragged(event, before);
  }

  #pinch(before, event) {
    const [other] = [...this.pointers.values()].filter((each) => each.pointerId !== event.pointerId);
    const apart = (each) => Math.hypot(each.clientX - other.clientX, each.clientY - other.clientY);
    this.zoomBy(apart(event) / Math.max(1, apart(before)));
    this.panBy((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
  }

  #dragged(event, before) {
    const { drag } = this;
    const point = this.point(event);
    if (drag.kind === "pan") this.panBy(event.clientX - before.clientX, event.clientY - before.clientY);
    else if (drag.kind === "window") this.#window(event);
    else if (drag.kind === "carry") {
      const { regions } = this.pane;
      regions.shapes[regions.chosen] = moved(drag.shape, point[0] - drag.from[0], point[1] - drag.from[1]);
      regions.show();
    } else this.pane.regions.show(this.#drawn(point));
  }

  // Up and down is the upper level, left and right the lower.
  #window(event) {
    const { drag, pane } = this;
    const { levels } = pane;
    const step = (levels.top / this.box.clientHeight) * 1.2;
    const high = Math.max(levels.gap, levels.held(drag.high + (event.clientY - drag.y) * step));
    const low = Math.max(0, levels.held(drag.low + (event.clientX - drag.x) * step));
    pane.setWindow(Math.min(low, high - levels.gap), high);
  }

  #drawn(point) {
    const { tool } = this.pane;
    if (tool === "polygon") {
      this.drag.points.push(point);
      return { kind: "polygon", points: this.drag.points };
    }
    return { kind: tool, points: [this.drag.from, point] };
  }

  #up(event) {
    this.pointers.delete(event.pointerId);
    const { drag } = this;
    this.drag = null;
    if (drag?.kind !== "draw") return;
    if (event.type === "pointercancel") return this.pane.regions.show();
    this.drag = drag;
    const shape = this.#drawn(this.point(event));
    this.drag = null;
    this.pane.regions.show();
    this.pane.regions.add(shape);
  }

  #wheel(event) {
    if (!event.ctrlKey) return;  // without it the page scrolls, as everywhere
    event.preventDefault();
    this.zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2);
  }

  // A cross that is moved by keys, where there is no pointer.
  showCross(point) {
    this.cross.hidden = point === null;
    if (point === null) return;
    const { about } = this.pane.frames;
    this.cross.style.left = `${((point[0] + 0.5) / about.columns) * 100}%`;
    this.cross.style.top = `${((point[1] + 0.5) / about.rows) * 100}%`;
  }
}

