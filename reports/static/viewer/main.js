// The viewer of a study: its panes, and what they share.
import { palettes } from "./paint.js";
import { json } from "./load.js";
import { Pane } from "./pane.js";
import { Picked } from "./picked.js";
import { say } from "./words.js";

class Viewer {
  constructor(root) {
    this.root = root;
    this.panes = root.querySelector(".panes");
    this.template = root.querySelector(".pane-template");
    this.status = root.querySelector(".viewer-status");
    this.other = root.querySelector(".with");
    this.together = root.querySelector(".together");
    this.help = root.querySelector("dialog");
    this.picked = new Picked(root.querySelector(".picked"), (pane, told) => this.again(pane, told));
    this.help.querySelector("button").addEventListener("click", () => this.help.close());
    this.other.addEventListener("change", () => this.compare(this.other.value));
    this.together.addEventListener("change", () => {
      const { low, high } = this.first.look;
      this.beside(this.first)?.setWindow(low, high, true);
    });
  }

  async start() {
    try {
      const [names, list] = await Promise.all([palettes(this.root.dataset.palettes), json(this.root.dataset.images)]);
      this.names = names;
      this.list = list;
    } catch (error) {
      this.status.textContent = error.message;
      return;
    }
    this.offer();
    this.first = this.pane(this.list);
    const opened = this.first.open(0);
    const asked = new URLSearchParams(location.search).get("with");
    if (asked) await this.compare(asked);
    await opened;
  }

  offer() {
    const { others } = this.list;
    const options = others.map((each) => new Option([each.when, each.description].filter(Boolean).join(" · "), each.uid));
    this.other.append(...options);
    this.root.querySelector(".comparing").hidden = others.length === 0;
  }

  pane(list) {
    const part = this.template.content.cloneNode(true).firstElementChild;
    this.panes.append(part);
    return new Pane(part, list, this.names, {
      help: () => this.help.showModal(),
      picked: (pane, shown, canvas) => this.picked.add(pane, shown, canvas),
      windowed: (pane, low, high) => this.beside(pane)?.setWindow(low, high, true),
      coloured: (pane, name) => this.beside(pane)?.setPalette(name, true),
    });
  }

  // The one beside it, if both have the same window, so that counts compare between studies too.
  beside(pane) {
    if (!this.second || !this.together.querySelector("input").checked) return null;
    return pane === this.second ? this.first : this.second;
  }

  async compare(uid) {
    this.second?.root.remove();
    this.second?.cine.stop();
    this.second = null;
    this.other.value = uid;
    const other = this.list.others.find((each) => each.uid === uid);
    this.panes.classList.toggle("two", Boolean(other));
    this.together.hidden = !other;
    this.status.textContent = uid && !other ? say("not comparable") : "";
    if (!other) return;
    try {
      this.second = this.pane(await json(other.images));
      this.second.find(".pick").closest(".picking").hidden = true;  // key images are of this report's study
      this.second.setPalette(this.first.palette, true);
      await this.second.open(0);
    } catch (error) {
      this.panes.classList.remove("two");
      this.status.textContent = error.message;
    }
  }

  async again(pane, told) {
    const number = pane.list.images.findIndex((each) => each.uid === told.image);
    if (pane.listed.uid !== told.image) await pane.open(number);
    pane.setGrid(false);
    pane.setPalette(told.palette);
    pane.part(pane.loops.length > 1 ? pane.frames.about.frames[told.frame].loop : pane.loops[0]);
    pane.show(told.frame);
    pane.setWindow(told.low, told.high);
    pane.find(".stage").focus();
  }
}

const root = document.querySelector(".viewer");
if (root) new Viewer(root).start();
