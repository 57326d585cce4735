// All frames of a part side by side, in one window. Drawn when they come into sight.
import { caption, short } from "./caption.js";
import { draw } from "./paint.js";

export class Grid {
  constructor(element, choose) {
    this.element = element;
    this.choose = choose;
    this.cells = new Map();
    this.seen = new Set();
    this.watch = new IntersectionObserver((entries) => this.#sight(entries), { rootMargin: "200px" });
  }

  // `paint(index)` gives {about, values, colour} of a frame, or nothing if it has not come yet.
  show(frames, order, paint) {
    this.paint = paint;
    this.watch.disconnect();
    this.seen.clear();
    this.cells = new Map(order.map((index) => [index, this.#cell(frames.about, index)]));
    this.element.replaceChildren(...this.cells.values());
    for (const cell of this.cells.values()) this.watch.observe(cell);
  }

  #cell(about, index) {
    const cell = document.createElement("button");
    cell.type = "button";
    cell.className = "cell";
    cell.dataset.frame = index;
    cell.tabIndex = -1;
    cell.setAttribute("aria-label", caption(about, index));
    const canvas = document.createElement("canvas");
    canvas.width = about.columns;
    canvas.height = about.rows;
    const [between, across] = about.spacing ?? [1, 1];
    canvas.style.aspectRatio = `${about.columns * across} / ${about.rows * between}`;
    const text = document.createElement("span");
    text.textContent = short(about, index);
    cell.append(canvas, text);
    cell.addEventListener("click", () => this.choose(index));
    return cell;
  }

  #sight(entries) {
    for (const { target, isIntersecting } of entries) {
      const index = Number(target.dataset.frame);
      if (isIntersecting) {
        this.seen.add(index);
        this.#draw(index);
      } else this.seen.delete(index);
    }
  }

  redraw() { for (const index of this.seen) this.#draw(index); }

  #draw(index) {
    const cell = this.cells.get(index);
    const told = this.paint(index);
    if (cell && told) draw(cell.firstChild, told.about, told.values, told.colour);
  }

  mark(index, focus) {
    for (const [each, cell] of this.cells) {
      const on = each === index;
      cell.toggleAttribute("aria-current", on);
      if (on) cell.setAttribute("aria-current", "true");
      cell.tabIndex = on ? 0 : -1;
      if (on && focus) cell.focus();
      if (on && focus) cell.scrollIntoView({ block: "nearest" });
    }
  }

  // How many stand side by side: what the arrow down means.
  get across() {
    const cells = [...this.cells.values()];
    const next = cells.findIndex((cell) => cell.offsetTop > cells[0].offsetTop);
    return next < 0 ? cells.length : next;
  }
}
