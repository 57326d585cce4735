// The editor of a draft: saves by itself, and loses nothing. What is written is kept in this page
// alone (never in the browser's storage, which outlives a logout) until the server has it.

const QUIET = 2500; // ms without a key before a save
const LATEST = 8000; // ms from the first key that is not saved, however fast somebody types
const SLOWEST = 30000; // ms between two tries while there is no connection

class Editor {
  constructor(form) {
    this.form = form;
    this.revision = Number(form.dataset.revision);
    this.images = JSON.parse(form.dataset.images);
    this.token = form.elements.csrfmiddlewaretoken.value;
    this.changes = 0; // counted up at each change; `saved` is the count that the server has
    this.saved = 0;
    this.saving = null;
    this.kept = null; // what the server has, while two texts are shown
    this.wait = QUIET;
    this.timer = 0;
    this.since = 0; // when the first change was made that is not saved
    this.leaving = false;
    this.fields = [...form.querySelectorAll("textarea")];
    this.listen();
    this.showImages();
  }

  listen() {
    const { form } = this;
    form.addEventListener("submit", (event) => { event.preventDefault(); this.save(); });
    form.addEventListener("input", () => this.changed());
    form.addEventListener("focusin", () => { Editor.active = this; });
    form.addEventListener("focusout", () => this.save());
    form.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "s") { event.preventDefault(); this.save(); }
    });
    for (const button of form.querySelectorAll("button.normal")) {
      button.addEventListener("click", () => this.normal(button, false));
    }
    this.on(".normals", () => form.querySelectorAll("button.normal").forEach((b) => this.normal(b, true)));
    this.on(".save", () => this.save());
    this.on(".keep-mine", () => this.keepMine());
    this.on(".keep-kept", () => this.keepKept());
    form.querySelector("a.sign").addEventListener("click", (event) => this.leave(event));
    const drop = form.parentElement.querySelector("form.drop");
    drop?.addEventListener("submit", () => {
      this.leaving = true;
      clearTimeout(this.timer);
      drop.elements.revision.value = this.revision;
    });
    // The viewer dispatches it; captured, because it need not bubble.
    window.addEventListener("key-image", (event) => this.pick(event.detail), true);
    window.addEventListener("online", () => this.save());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.save(); });
    window.addEventListener("beforeunload", (event) => {
      if (!this.leaving && this.changes !== this.saved) { event.preventDefault(); event.returnValue = ""; }
    });
  }

  on(selector, act) { this.form.querySelector(selector).addEventListener("click", act); }

  say(text, kind = "") {
    const state = this.form.querySelector(".saving");
    if (state.textContent !== text) state.textContent = text;
    state.dataset.kind = kind;
  }

  changed() {
    this.changes += 1;
    if (this.kept) return;
    this.say(this.form.dataset.sayChanged, "changed");
    this.since ||= Date.now();
    this.later(Math.max(0, Math.min(QUIET, this.since + LATEST - Date.now())));
  }

  later(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), ms);
  }

  normal(button, onlyEmpty) {
    const field = this.form.elements[button.dataset.for];
    const text = button.dataset.text;
    if (field.value.trim() === "") field.value = text;
    else if (onlyEmpty || field.value.includes(text)) return;
    else field.value = `${field.value.trimEnd()}\n${text}`;
    this.changed();
    if (!onlyEmpty) field.focus();
  }

  told() {
    return {
      revision: this.revision,
      sections: Object.fromEntries(this.fields.map((field) => [field.name, field.value])),
      key_images: this.images,
    };
  }

  // One save at a time; whether the server has everything afterwards.
  async save() {
    if (this.kept || this.leaving) return false;
    if (this.saving) { await this.saving; return this.changes === this.saved || this.save(); }
    if (this.changes === this.saved) return true;
    clearTimeout(this.timer);
    this.saving = this.send();
    try { return await this.saving; } finally { this.saving = null; }
  }

  async send() {
    const counted = this.changes;
    const told = this.told();
    this.since = 0;
    this.say(this.form.dataset.saySaving, "changed");
    let answer;
    try {
      answer = await this.post(told);
      if (answer.status === 403 && await this.renew()) answer = await this.post(told);
    } catch {
      return this.again(this.form.dataset.sayLost);
    }
    if (answer.type === "opaqueredirect" || answer.status === 403) return this.again(this.form.dataset.sayLogin);
    if (answer.status >= 500) return this.again(this.form.dataset.sayLost);
    const said = await answer.json().catch(() => null);
    if (!said) return this.again(this.form.dataset.sayLost);
    if (answer.ok) return this.done(said, counted, told);
    if (answer.status === 409) { this.conflict(said); return false; }
    this.say(said.why, "failed");
    return false;
  }

  post(told) {
    const body = JSON.stringify(told);
    return fetch(this.form.action, {
      method: "POST",
      body,
      keepalive: document.hidden && body.length < 20000, // a page that goes away (64 kB at most)
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.token },
      redirect: "manual",
      signal: AbortSignal.timeout(20000),
    });
  }

  // A new login has a new token.
  async renew() {
    const answer = await fetch(this.form.dataset.state, { redirect: "manual" });
    if (!answer.ok) return false;
    this.token = (await answer.json()).token;
    for (const each of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) each.value = this.token;
    return true;
  }

  again(why) {
    this.say(why, "failed");
    this.later(this.wait);
    this.wait = Math.min(this.wait * 2, SLOWEST);
    return false;
  }

  done(said, counted, told) {
    this.revision = said.revision;
    this.saved = counted;
    this.wait = QUIET;
    for (const field of this.fields) {
      const text = said.sections[field.name] ?? "";
      // What cannot be seen was taken out; not under somebody's fingers.
      if (field !== document.activeElement && field.value === told.sections[field.name]) field.value = text;
    }
    if (this.changes === counted) this.say(`${this.form.dataset.saySaved} ${said.saved_at}`);
    else this.later(QUIET);
    return this.changes === counted;
  }

  conflict(said) {
    this.kept = said.kept;
    const box = this.form.querySelector(".conflict");
    box.querySelector(".why").textContent = said.kept.mine ? said.why : `${said.why} (${said.kept.author}, ${said.kept.since})`;
    const rows = this.fields.filter((field) => field.value.trim() !== (said.kept.sections[field.name] ?? ""));
    box.querySelector("tbody").replaceChildren(...rows.map((field) => this.row(field)));
    box.querySelector(".keep-mine").hidden = !said.kept.mine; // first take it over, in its own form
    box.hidden = false;
    box.focus();
    this.say(said.why, "failed");
  }

  row(field) {
    const row = document.createElement("tr");
    const title = document.createElement("th");
    title.scope = "row";
    title.textContent = field.labels[0].firstChild.textContent.trim();
    row.append(title);
    for (const text of [field.value, this.kept.sections[field.name] ?? ""]) {
      const cell = document.createElement("td");
      cell.className = "text";
      cell.dir = "auto";
      cell.textContent = text;
      row.append(cell);
    }
    return row;
  }

  keepMine() {
    this.revision = this.kept.revision;
    this.resolve();
    this.changes += 1;
    this.save();
  }

  keepKept() {
    if (!this.kept.mine) { this.leaving = true; location.reload(); return; }
    for (const field of this.fields) field.value = this.kept.sections[field.name] ?? "";
    this.images = this.kept.key_images;
    this.revision = this.kept.revision;
    this.saved = this.changes;
    this.say(`${this.form.dataset.saySaved} ${this.kept.saved_at}`);
    this.resolve();
    this.showImages();
  }

  resolve() {
    this.kept = null;
    this.form.querySelector(".conflict").hidden = true;
    this.fields[0].focus();
  }

  async leave(event) {
    if (this.changes === this.saved) return;
    event.preventDefault();
    const { href } = event.currentTarget;
    if (await this.save()) location.assign(href);
  }

  // With two reports on the page a key image goes into the one that was last written in.
  pick(detail) {
    if (!detail || Editor.active !== this) return;
    const { image, frame, palette = "grey", note = "" } = detail;
    // A picture with colours of its own has no window; the text must not wait for that.
    const low = Number.isFinite(detail.low) ? detail.low : 0;
    const high = detail.high > low ? detail.high : low + 255;
    this.images.push({ image, frame, low, high, palette, note });
    this.showImages();
    this.changed();
    this.say(this.form.dataset.sayPicked, "changed");
  }

  showImages() {
    const list = this.form.querySelector(".images ol");
    list.replaceChildren(...this.images.map((each, at) => this.item(each, at)));
    this.form.querySelector(".images .none").hidden = this.images.length > 0;
  }

  item(each, at) {
    const { dataset } = this.form;
    const item = document.createElement("li");
    const picture = document.createElement("img");
    const { image, frame, low, high, palette } = each;
    const words = `${dataset.sayFrame} ${frame + 1}, ${dataset.sayWindow} ${low}–${high}, ${palette}`;
    picture.src = `${dataset.picture.replace("IMAGE", image)}?${new URLSearchParams({ frame, low, high, palette })}`;
    picture.alt = words;
    picture.addEventListener("error", () => { picture.alt = `${dataset.sayNoPicture} ${words}`; });
    const said = document.createElement("p");
    said.textContent = words;
    const note = document.createElement("input");
    note.type = "text";
    note.maxLength = 500;
    note.value = each.note;
    note.setAttribute("aria-label", `${dataset.sayNote}, ${at + 1}`);
    note.placeholder = dataset.sayNote;
    note.addEventListener("input", () => { each.note = note.value; });
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = dataset.sayRemove;
    remove.setAttribute("aria-label", `${dataset.sayRemove}: ${at + 1}, ${words}`);
    remove.addEventListener("click", () => { this.images.splice(at, 1); this.showImages(); this.changed(); });
    item.append(picture, said, note, remove);
    return item;
  }
}

const editors = [...document.querySelectorAll("form.editor")].map((form) => new Editor(form));
[Editor.active] = editors;
