// Counts that take longer than the page come after it. All stand still where a page stays open, and everywhere while nobody keeps them
// up: those that cost little are asked for again while someone looks, and whatever is older than a minute says so.
import { load } from "./fragments.js";
import { swapKept } from "./keep.js";

const LOOK_MS = 5000;
const AGAIN_MS = 30000;
const OLD_MS = 60000;

export function startCounts() {
  const part = document.getElementById("counts");
  if (part) new Counts(part).start();
}

class Counts {
  constructor(part) {
    this.take(part);
  }

  start() {
    if (this.part.dataset.load) this.ask(this.part.dataset.load);
    setInterval(() => this.look(), LOOK_MS);
    document.addEventListener("visibilitychange", () => this.look());
    addEventListener("pageshow", () => this.look());
  }

  take(part) {
    this.part = part;
    this.askedAt = Date.now();
    this.countedAt = this.askedAt - Number(part.dataset.age) * 1000; // by one clock alone: the server's may differ from ours
  }

  look() {
    const isDue = Date.now() - this.askedAt >= AGAIN_MS && !document.hidden;
    // It stays where it is while someone points at it: another link would be under the pointer, or none under the keyboard.
    if (isDue && this.part.dataset.again && !this.part.matches(":hover, :focus-within")) this.ask(this.part.dataset.again);
    this.mark();
  }

  mark() {
    const isOld = Date.now() - this.countedAt >= OLD_MS;
    for (const text of this.part.querySelectorAll("[data-counted]")) text.hidden = (text.dataset.counted === "old") !== isOld;
  }

  ask(address) {
    this.askedAt = Date.now();
    load(address)
      .then((page) => this.take(swapKept(this.part, page.getElementById("counts"))))
      .catch(() => {}); // then they grow old, and say so
  }
}
