// The list stays as the archive is: its rows are fetched again, unless somebody is in them.
const ASKS = { credentials: "same-origin", redirect: "error", headers: { "X-By-Itself": "1" } };
const place = document.getElementById("rows");
const links = () => [...place.querySelectorAll("tbody a")];

async function again() {
  if (document.hidden) return;
  const address = new URL(location.href);
  address.searchParams.set("rows", "1");
  try {
    const answer = await fetch(address, ASKS);
    if (!answer.ok) return;
    const text = await answer.text();
    const held = document.activeElement?.closest("tbody a")?.getAttribute("href");
    place.innerHTML = text; // our own page's rows, escaped by the server
    if (held) links().find((each) => each.getAttribute("href") === held)?.focus();
  } catch {
    // The next round tries again; the page's own words about the archive stay.
  }
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.altKey || event.metaKey) return;
  const step = { j: 1, k: -1 }[event.key];
  if (!step) return;
  const every = links();
  const now = every.indexOf(document.activeElement);
  every[Math.min(every.length - 1, Math.max(0, now + step))]?.focus();
  event.preventDefault();
});

setInterval(again, 1000 * Number(place.dataset.every));
