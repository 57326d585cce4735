// Says when the study that is read is no longer the one in the archive.
const ASKS = { credentials: "same-origin", redirect: "error", headers: { "X-By-Itself": "1" } };
const line = document.getElementById("changed");

async function ask() {
  try {
    const answer = await fetch(line.dataset.ask, ASKS);
    if (answer.ok) line.hidden = (await answer.json()).revision === line.dataset.revision;
  } catch {
    // Asked again in half a minute.
  }
}

setInterval(ask, 30_000);
