// Ask again and again, but only while somebody looks at the page: a page that was left open asks
// nothing after ten minutes without a key or a pointer, until there is one again.
const IDLE = 10 * 60 * 1000;

export function poll(seconds, ask) {
  let last = Date.now();
  let busy = false;
  const here = () => { last = Date.now(); };
  for (const name of ["keydown", "pointerdown", "pointermove", "scroll"]) {
    addEventListener(name, here, { passive: true, capture: true });
  }
  const again = async () => {
    if (busy || document.hidden || Date.now() - last > IDLE) return;
    busy = true;
    try {
      await ask();
    } finally {
      busy = false;
    }
  };
  document.addEventListener("visibilitychange", again);
  setInterval(again, seconds * 1000);
}

export async function answer(url) {
  const got = await fetch(url, { credentials: "same-origin", redirect: "manual" });
  if (!got.ok) throw new Error(String(got.status));
  return got;
}
