// Counts of regions over the frames: a drawing, the same as a table, and as CSV.
import { fine, number, say } from "./words.js";
import { pixels } from "./shapes.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 640, HEIGHT = 220, LEFT = 64, RIGHT = 12, TOP = 12, BOTTOM = 36;

// Rows of {frame, start, duration, counts: [of each region]}; mapped to real values where there are such.
export function rows(frames, order, shapes) {
  const places = shapes.map((shape) => pixels(shape, frames.about));
  const { mapping } = frames.about;
  return order.map((index) => {
    const values = frames.frame(index);
    const counts = places.map((each) => {
      let sum = 0;
      for (const place of each) sum += values[place];
      return mapping ? sum * mapping.slope + each.length * mapping.intercept : sum;
    });
    return { ...frames.about.frames[index], frame: index + 1, counts };
  });
}

const COUNTED = /^(counts|cnts|us|)$/i;

// Where frames are not equally long their counts do not compare: then counts a second. What has
// another unit, Bq/ml for one, does.
function measure(told, about) {
  const timed = told.length > 1 && told.every((row) => row.start !== undefined && row.duration > 0);
  const units = about.mapping?.units ?? about.units ?? "";
  const counted = COUNTED.test(units);
  const uneven = counted && timed && told.some((row) => row.duration !== told[0].duration);
  return {
    x: (row) => (timed ? row.start + row.duration / 2 : row.frame),
    y: (row, region) => (uneven ? row.counts[region] / row.duration : row.counts[region]),
    across: say(timed ? "axis seconds" : "axis frame"),
    along: counted ? say(uneven ? "axis rate" : "axis counts") : say("axis sum", { units }),
  };
}

function ticks(from, to) {
  const rough = (to - from) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  const made = [];
  for (let at = Math.ceil(from / step) * step; at <= to + step / 1e6; at += step) made.push(at);
  return made;
}

function node(name, values, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

export function drawing(told, about, regions, current) {
  const how = measure(told, about);
  const xs = told.map(how.x);
  const ys = told.flatMap((row) => regions.map((_each, region) => how.y(row, region)));
  const [from, to] = [Math.min(...xs, how.across === say("axis seconds") ? 0 : Infinity), Math.max(...xs)];
  const [least, most] = [Math.min(0, ...ys), Math.max(1e-9, ...ys) * 1.05];
  const x = (value) => LEFT + ((value - from) / (to - from || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - ((value - least) / (most - least)) * (HEIGHT - TOP - BOTTOM);
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "plot" });
  svg.setAttribute("aria-label", say("curve of", { n: regions.length, along: how.along, across: how.across }));
  for (const at of ticks(from, to)) {
    svg.append(node("line", { x1: x(at), x2: x(at), y1: TOP, y2: HEIGHT - BOTTOM, class: "rule" }));
    svg.append(node("text", { x: x(at), y: HEIGHT - BOTTOM + 15, class: "across" }, number(at, 2)));
  }
  for (const at of ticks(least, most)) {
    svg.append(node("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(at), y2: y(at), class: "rule" }));
    svg.append(node("text", { x: LEFT - 6, y: y(at) + 4, class: "along" }, fine(at, 2)));
  }
  svg.append(node("text", { x: WIDTH - RIGHT, y: HEIGHT - 4, class: "along" }, how.across));
  svg.append(node("text", { x: LEFT + 6, y: TOP + 10, class: "name" }, how.along));
  const here = told.find((row) => row.frame === current + 1);
  if (here) svg.append(node("line", { x1: x(how.x(here)), x2: x(how.x(here)), y1: TOP, y2: HEIGHT - BOTTOM, class: "now" }));
  regions.forEach((_each, region) => {
    const points = told.map((row) => `${x(how.x(row)).toFixed(1)},${y(how.y(row, region)).toFixed(1)}`);
    svg.append(node("polyline", { points: points.join(" "), class: `line r${(region % 4) + 1}` }));
  });
  return svg;
}

// Heads and rows of plain values: the table and the CSV are both of it.
export function cells(told, names) {
  const heads = [say("head frame"), say("head start"), say("head duration"), ...names];
  const body = told.map((row) => [row.frame, row.start ?? "", row.duration ?? "", ...row.counts]);
  return { heads, body };
}

export function table({ heads, body }) {
  const made = document.createElement("table");
  const head = made.createTHead().insertRow();
  for (const each of heads) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = each;
    head.append(cell);
  }
  const rest = made.createTBody();
  for (const each of body) {
    const row = rest.insertRow();
    for (const value of each) row.insertCell().textContent = value === "" ? "" : fine(value);
  }
  return made;
}

// RFC 4180; a name that begins like a formula is not one for the program that opens it.
export function csv({ heads, body }) {
  const field = (value) => {
    const text = typeof value === "string" && /^[=+\-@\t]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [heads, ...body].map((each) => each.map(field).join(",")).join("\r\n") + "\r\n";
}
