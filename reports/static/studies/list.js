// The reading list: its rows are brought up to date every 20 seconds, and keys go through them.
import { answer, poll } from "./poll.js";

const list = document.getElementById("list");
const news = document.getElementById("list-news");
let shown = "";

function focused() {
  const at = document.activeElement;
  if (!list.contains(at)) return null;
  const row = at.closest("tr[data-uid]");
  const place = row ? `tr[data-uid="${CSS.escape(row.dataset.uid)}"] a` : null;
  return place || (at.getAttribute("href") ? `a[href="${CSS.escape(at.getAttribute("href"))}"]` : ".wide");
}

function show(text) {
  const place = focused();
  const wide = list.querySelector(".wide");
  const left = wide ? wide.scrollLeft : 0;
  const said = list.querySelector(".many");
  const old = said.textContent;
  const made = document.createElement("template");
  made.innerHTML = text;
  const many = made.content.querySelector(".many");
  const fresh = many.textContent;
  // The number stays where it is: what is read out is a change of its text.
  many.remove();
  for (const each of [...list.children]) if (each !== said) each.remove();
  list.append(made.content);
  if (fresh !== old) said.textContent = fresh;
  const after = list.querySelector(".wide");
  if (after) after.scrollLeft = left;
  if (place) (list.querySelector(place) || after)?.focus({ preventScroll: true });
}

async function refresh() {
  try {
    const text = await (await answer(list.dataset.rows)).text();
    if (shown && text !== shown) {
      show(text);
      news.textContent = list.dataset.news;
    } else if (news.textContent === list.dataset.lost) {
      news.textContent = "";
    }
    shown = text;
  } catch {
    news.textContent = list.dataset.lost;
  }
}

function move(by) {
  const links = [...list.querySelectorAll("tbody .patient a")];
  const row = document.activeElement.closest("tr[data-uid]");
  const at = row ? links.findIndex((each) => row.contains(each)) : by > 0 ? -1 : links.length;
  links[Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea")) return;
  const keys = { j: () => move(1), k: () => move(-1), "/": () => document.querySelector("[name=patient]").focus() };
  if (list.contains(document.activeElement)) {
    keys.ArrowDown = keys.j;
    keys.ArrowUp = keys.k;
  }
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

poll(20, refresh);
refresh();
