// Everything from the keyboard. Single letters count only while the viewer has the focus (WCAG 2.1.4).
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAN = 24;

const PLAIN = {
  " ": (pane) => pane.toggle(),
  Home: (pane) => pane.show(pane.order[0], true),
  End: (pane) => pane.show(pane.order.at(-1), true),
  PageUp: (pane) => pane.open(Math.max(0, pane.opened - 1)),
  PageDown: (pane) => pane.open(Math.min(pane.list.images.length - 1, pane.opened + 1)),
  "+": (pane) => pane.stage.zoomBy(1.25),
  "=": (pane) => pane.stage.zoomBy(1.25),
  "-": (pane) => pane.stage.zoomBy(0.8),
  0: (pane) => pane.stage.fit(),
  "[": (pane) => pane.levels.nudge(-1, 0),
  "]": (pane) => pane.levels.nudge(1, 0),
  ",": (pane) => pane.levels.nudge(0, -1),
  ".": (pane) => pane.levels.nudge(0, 1),
  w: (pane) => pane.fullWindow(),
  p: (pane) => turn(pane, 1),
  P: (pane) => turn(pane, -1),
  g: (pane) => pane.setGrid(!pane.gridded, true),
  r: (pane) => pane.addRegion(),
  n: (pane) => pane.regions.choose((pane.regions.chosen + 1) % Math.max(1, pane.regions.shapes.length)),
  Delete: (pane) => pane.regions.remove(),
  k: (pane) => pane.pick(),
  s: (pane) => pane.root.classList.toggle("blocky"),
  Escape: (pane) => pane.cross(null),
  "?": (pane) => pane.hooks.help(),
};

function turn(pane, by) {
  const { palettes } = pane;
  pane.setPalette(palettes[(palettes.indexOf(pane.palette) + by + palettes.length) % palettes.length]);
}

function cross(pane, [dx, dy]) {
  const { rows, columns } = pane.frames.about;
  const [x, y] = pane.crossed ?? [Math.floor(columns / 2), Math.floor(rows / 2)];
  if (!pane.crossed) return pane.cross([x, y]);
  const held = (value, most) => Math.min(most - 1, Math.max(0, value));
  return pane.cross([held(x + dx, columns), held(y + dy, rows)]);
}

function arrow(pane, event, [dx, dy]) {
  if (event.altKey) return pane.regions.change(event.shiftKey ? "grow" : "move", dx, dy);
  if (event.shiftKey) return cross(pane, [dx, dy]);
  if (event.ctrlKey) return pane.stage.panBy(-dx * PAN, -dy * PAN);
  return pane.step(dx + dy * (pane.gridded ? pane.grid.across : 1));
}

export function keys(pane, event) {
  const own = event.target.closest("input, select, textarea, summary, dialog");
  const button = event.target.closest("button:not(.cell)");
  if (own || event.metaKey || !pane.frames || (button && [" ", "Enter"].includes(event.key))) return;
  const by = ARROWS[event.key];
  const act = by ? () => arrow(pane, event, by) : !event.ctrlKey && !event.altKey && PLAIN[event.key];
  if (!act) return;
  if (event.target.closest(".cell") && event.key === " ") return;
  act(pane);
  event.preventDefault();
}
