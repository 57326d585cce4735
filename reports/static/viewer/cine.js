// Frame after frame at a speed, by the clock: a slow machine leaves frames out, it does not fall behind.
const CALM = 2;

export class Cine {
  constructor(step) {
    this.step = step;
    this.playing = false;
    this.rate = 8;
  }

  // Whoever asked for less motion gets a slow one, and may make it faster.
  suggest(rate) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.rate = calm ? Math.min(CALM, rate) : rate;
  }

  play() {
    if (this.playing) return;
    this.playing = true;
    this.last = performance.now();
    requestAnimationFrame((now) => this.#turn(now));
  }

  stop() { this.playing = false; }

  #turn(now) {
    if (!this.playing) return;
    const due = Math.floor(((now - this.last) / 1000) * this.rate);
    if (due > 0) {
      this.last += (due * 1000) / this.rate;
      this.step(due);
    }
    requestAnimationFrame((next) => this.#turn(next));
  }
}
