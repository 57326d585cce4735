// Whether the study has changed in the archive since this page was made.
import { answer, poll } from "./poll.js";

const page = document.getElementById("study");
const news = document.getElementById("study-news");
const words = news.querySelector("span");

function sentence(gone, more) {
  if (gone) return words.dataset.gone;
  if (more === 1) return words.dataset.one;
  return more > 0 ? words.dataset.more.replace("#", more) : words.dataset.other;
}

async function ask() {
  let now;
  try {
    now = await (await answer(page.dataset.state)).json();
  } catch {
    return; // the viewer and the editor say themselves when nothing answers
  }
  if (now.revision === page.dataset.revision) {
    news.hidden = true;
    return;
  }
  const more = now.images - Number(page.dataset.images);
  const said = sentence(now.gone, more);
  news.hidden = false;
  if (words.textContent !== said) words.textContent = said;
}

poll(15, ask);
