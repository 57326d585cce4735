// Drawing regions on the stage, and the curve that comes of them.
import * as curve from "./curve.js";
import { box, element, grown, inside, moved } from "./shapes.js";
import { say } from "./words.js";

const MOST = 8;
export const DRAWN = ["ellipse", "rectangle", "polygon"];

export class Regions {
  constructor(pane, find) {
    this.pane = pane;
    this.svg = find(".shapes");
    this.figure = find(".curve");
    this.list = find(".regions");
    this.shapes = [];
    this.chosen = -1;
    find(".csv").addEventListener("click", () => this.#download());
  }

  clear() {
    this.shapes = [];
    this.chosen = -1;
    this.show();
  }

  add(shape) {
    const { left, right, top, bottom } = box(shape);
    if (right - left < 1 || bottom - top < 1) return;  // a click, not a region
    if (this.shapes.length >= MOST) {
      this.pane.tell(say("enough regions", { n: MOST }));
      return;
    }
    this.shapes.push(shape);
    this.chosen = this.shapes.length - 1;
    this.pane.tell(say("region made", { n: this.chosen + 1 }));
    this.show();
  }

  // From the keyboard: in the middle, a quarter as large as the image.
  addInMiddle(kind) {
    const { columns, rows } = this.pane.frames.about;
    const [x, y, w, h] = [columns / 2, rows / 2, columns / 8, rows / 8];
    const corners = [[x - w, y - h], [x + w, y - h], [x + w, y + h], [x - w, y + h]];
    this.add({ kind, points: kind === "polygon" ? corners : [corners[0], corners[2]] });
  }

  change(how, dx, dy) {
    if (this.chosen < 0) return;
    const shape = this.shapes[this.chosen];
    this.shapes[this.chosen] = how === "grow" ? grown(shape, dx, dy) : moved(shape, dx, dy);
    this.show();
  }

  remove() {
    if (this.chosen < 0) return;
    this.shapes.splice(this.chosen, 1);
    this.chosen = this.shapes.length - 1;
    this.pane.tell(say("region gone"));
    this.show();
  }

  choose(number) {
    this.chosen = number;
    this.show();
  }

  at(x, y) { return this.shapes.findLastIndex((shape) => inside(shape, x, y)); }

  // A region while it is being drawn is shown as well.
  show(drawing) {
    const all = drawing ? [...this.shapes, drawing] : this.shapes;
    const made = all.map((shape, number) => element(shape, number, number === this.chosen || shape === drawing));
    this.svg.replaceChildren(...made);
    if (!drawing) this.showCurve();
  }

  get names() { return this.shapes.map((_each, number) => say("region", { n: number + 1 })); }

  get rows() {
    const { frames, order } = this.pane;
    const here = order.filter((index) => frames.has(index));
    return curve.rows(frames, here, this.shapes);
  }

  showCurve() {
    this.figure.hidden = this.shapes.length === 0;
    if (this.figure.hidden) return;
    const told = this.rows;
    const plot = this.figure.querySelector(".plot-place");
    plot.replaceChildren(...(told.length > 1 ? [curve.drawing(told, this.pane.frames.about, this.shapes, this.pane.index)] : []));
    this.figure.querySelector(".table").replaceChildren(curve.table(curve.cells(told, this.names)));
    this.list.replaceChildren(...this.names.map((name, number) => this.#button(name, number)));
  }

  #button(name, number) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `swatch r${(number % 4) + 1}`;
    button.textContent = name;
    button.setAttribute("aria-pressed", String(number === this.chosen));
    button.addEventListener("click", () => {
      this.choose(number);
      this.list.children[number]?.focus();
    });
    return button;
  }

  #download() {
    const text = curve.csv(curve.cells(this.rows, this.names));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "curve.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}
