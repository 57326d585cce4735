// Counts to colours: one table of all values of an image, made anew when its window changes. Values
// that are no whole numbers have none; each is looked up by itself.
let colours = {};

export async function palettes(url) {
  const told = await (await fetch(url)).json();
  colours = Object.fromEntries(Object.entries(told).map(([name, hex]) => [name, unhex(hex)]));
  return Object.keys(colours);
}

// As a canvas's memory has them on this machine (little-endian): alpha, blue, green, red.
function unhex(hex) {
  const made = new Uint32Array(256);
  for (let level = 0; level < 256; level += 1) {
    const rgb = Number.parseInt(hex.slice(level * 6, level * 6 + 6), 16);
    made[level] = ((255 << 24) | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
  }
  return made;
}

// Up to `low` the first colour, from `high` on the last (reports/documents/picture.py draws the same).
// Gives what colours a value.
export function painter(about, look) {
  const palette = colours[look.palette] ?? colours.grey;
  const span = look.high - look.low;
  const colour = (value) => {
    const level = Math.min(1, Math.max(0, (value - look.low) / span));
    return palette[Math.trunc((about.inverted ? 1 - level : level) * 255)];
  };
  if (about.type === "float32") return colour;
  const made = new Uint32Array(about.most - about.least + 1);
  for (let index = 0; index < made.length; index += 1) made[index] = colour(index + about.least);
  return (value) => made[value - about.least];
}

export function draw(canvas, about, values, colour) {
  if (canvas.width !== about.columns || canvas.height !== about.rows) {
    canvas.width = about.columns;
    canvas.height = about.rows;
  }
  const context = canvas.getContext("2d", { alpha: false });
  const image = context.createImageData(about.columns, about.rows);
  const out = new Uint32Array(image.data.buffer);
  if (about.type === "rgb") {
    for (let to = 0, from = 0; to < out.length; to += 1, from += 3) {
      out[to] = ((255 << 24) | (values[from + 2] << 16) | (values[from + 1] << 8) | values[from]) >>> 0;
    }
  } else {
    for (let to = 0; to < out.length; to += 1) out[to] = colour(values[to]);
  }
  context.putImageData(image, 0, 0);
}

// The palette itself, left to right, as the bar between the two levels shows it.
export function strip(canvas, name, from, to) {
  const palette = colours[name] ?? colours.grey;
  canvas.width = 256;
  canvas.height = 1;
  const context = canvas.getContext("2d", { alpha: false });
  const image = context.createImageData(256, 1);
  const out = new Uint32Array(image.data.buffer);
  for (let x = 0; x < 256; x += 1) {
    const level = Math.min(1, Math.max(0, (x / 255 - from) / Math.max(to - from, 1e-9)));
    out[x] = palette[Math.trunc(level * 255)];
  }
  context.putImageData(image, 0, 0);
}
