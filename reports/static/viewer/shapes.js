// Regions in the image's own pixels. A pixel belongs to one when its centre does.
const SVG = "http://www.w3.org/2000/svg";

export function box(shape) {
  const xs = shape.points.map((point) => point[0]);
  const ys = shape.points.map((point) => point[1]);
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

function insidePolygon(points, x, y) {
  let inside = false;
  for (let i = 0, j = points.length - 1; i < points.length; j = i, i += 1) {
    const [ax, ay] = points[i];
    const [bx, by] = points[j];
    if ((ay > y) !== (by > y) && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

export function inside(shape, x, y) {
  const { left, right, top, bottom } = box(shape);
  if (x < left || x > right || y < top || y > bottom) return false;
  if (shape.kind === "rectangle") return true;
  if (shape.kind === "polygon") return insidePolygon(shape.points, x, y);
  const across = (x - (left + right) / 2) / ((right - left) / 2);
  const along = (y - (top + bottom) / 2) / ((bottom - top) / 2);
  return across * across + along * along <= 1;
}

// The places of its pixels in a frame.
export function pixels(shape, about) {
  const { left, right, top, bottom } = box(shape);
  const found = [];
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(about.rows, bottom); y += 1) {
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(about.columns, right); x += 1) {
      if (inside(shape, x + 0.5, y + 0.5)) found.push(y * about.columns + x);
    }
  }
  return found;
}

export function moved(shape, dx, dy) {
  return { ...shape, points: shape.points.map(([x, y]) => [x + dx, y + dy]) };
}

// Grown about its upper left corner, to one pixel at least.
export function grown(shape, dx, dy) {
  const { left, right, top, bottom } = box(shape);
  const across = Math.max(1, right - left + dx) / Math.max(right - left, 1e-6);
  const along = Math.max(1, bottom - top + dy) / Math.max(bottom - top, 1e-6);
  return { ...shape, points: shape.points.map(([x, y]) => [left + (x - left) * across, top + (y - top) * along]) };
}

export function element(shape, number, chosen) {
  const { left, right, top, bottom } = box(shape);
  const set = (name, values) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    made.setAttribute("class", `region r${(number % 4) + 1}${chosen ? " chosen" : ""}`);
    return made;
  };
  if (shape.kind === "rectangle") return set("rect", { x: left, y: top, width: right - left, height: bottom - top });
  if (shape.kind === "polygon") return set("polygon", { points: shape.points.map((each) => each.join(",")).join(" ") });
  return set("ellipse", { cx: (left + right) / 2, cy: (top + bottom) / 2, rx: (right - left) / 2, ry: (bottom - top) / 2 });
}
