// A list that lives: a stream tells which items changed, the server renders their rows again, and what does not stand on this page is
// counted in a banner. The stream is open only while someone looks: a browser has six connections for all tabs of a site.
import { load } from "./fragments.js";
import { renew } from "./renew.js";

const GATHER_MS = 400;
const MOST_ROWS = 100;
const FIRST_PAUSE_MS = 3000;
const LONGEST_PAUSE_MS = 60000;
const HIDDEN_MS = 5000;

export function startLive() {
  const part = document.querySelector("[data-live]");
  if (part && "EventSource" in window) new LiveList(part).start();
}

class LiveList {
  constructor(part) {
    this.part = part;
    this.button = part.querySelector("button");
    this.news = document.querySelector("[data-live-news]");
    this.kind = document.querySelector("[data-list]").dataset.list;
    this.lastId = part.dataset.since;
    this.changed = new Set();
    this.elsewhere = new Set();
    this.gone = new Set();
    this.pause = FIRST_PAUSE_MS;
    this.isWanted = true;
  }

  start() {
    this.part.hidden = false;
    this.button.addEventListener("click", () => {
      this.isWanted = !this.isWanted;
      if (this.isWanted) this.open();
      else this.close("off");
    });
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.hiding);
      if (document.hidden) this.hiding = setTimeout(() => this.close("off"), HIDDEN_MS);
      else if (this.isWanted && !this.source) this.open();
    });
    addEventListener("pagehide", () => this.close("off"));
    addEventListener("pageshow", (event) => event.persisted && this.isWanted && this.open());
    if (!document.hidden) this.open();
  }

  open() {
    this.close("away");
    const address = new URL(this.part.dataset.live, location.href);
    if (this.lastId) address.searchParams.set("last_event_id", this.lastId);
    const source = (this.source = new EventSource(address));
    source.addEventListener("open", () => {
      this.pause = FIRST_PAUSE_MS;
      this.show("on");
    });
    source.addEventListener("changed", (event) => this.take(event, JSON.parse(event.data)));
    source.addEventListener("removed", (event) => this.take(event, { ...JSON.parse(event.data), matches: false }));
    source.addEventListener("resync", (event) => {
      this.lastId = event.lastEventId;
      this.tell(this.news.dataset.stale);
    });
    source.addEventListener("error", () => this.onError(source));
    if (this.changed.size) this.gather();
  }

  // The browser connects again by itself, save where the answer was no stream: too many, signed out, an id of yesterday.
  onError(source) {
    this.show("away");
    if (source.readyState !== EventSource.CLOSED) return;
    this.close("away");
    this.lastId = "";
    this.tell(this.news.dataset.stale);
    this.retrying = setTimeout(() => this.isWanted && !document.hidden && this.open(), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  close(state) {
    clearTimeout(this.retrying);
    this.source?.close();
    this.source = null;
    this.show(state);
  }

  show(state) {
    this.part.dataset.state = state;
    this.button.setAttribute("aria-pressed", String(this.isWanted));
    this.part.querySelector("[data-live-label]").textContent = this.part.dataset[state];
  }

  take(event, item) {
    this.lastId = event.lastEventId;
    const name = `${item.affiliate}|${item.code}`;
    const row = this.rowOf(name);
    if (item.matches) this.gone.delete(name);
    else this.gone.add(name);
    if (row && item.matches) {
      this.changed.add(name);
      this.gather();
    } else if (row) this.leave(row);
    else if (item.matches) {
      this.elsewhere.add(name);
      const { new: many, newOne: one } = this.news.dataset;
      this.tell((this.elsewhere.size === 1 ? one : many).replace("{n}", this.elsewhere.size));
    }
  }

  rowOf(name) {
    return [...document.querySelectorAll(".entry[data-item]")].find((entry) => entry.dataset.item === name);
  }

  gather() {
    this.gathering ??= setTimeout(() => this.renewRows(), GATHER_MS);
  }

  async renewRows() {
    this.gathering = null;
    if (!this.isWanted) return; // Held still: what changed is kept until the list lives again.
    const names = [...this.changed].slice(0, MOST_ROWS);
    for (const name of names) this.changed.delete(name);
    try {
      const page = await load(`/logs/${this.kind}/rows?${new URLSearchParams(names.map((name) => ["item", name]))}`);
      if (!this.isWanted) return void names.forEach((name) => this.changed.add(name));
      for (const fresh of [...page.querySelectorAll(".entry")]) this.renewed(renew(fresh));
    } catch {
      this.tell(this.news.dataset.stale);
    }
    if (this.changed.size) this.gather();
  }

  // It may have left while its row was asked for: the new row has to say so as well.
  renewed(row) {
    row?.classList.add("is-renewed");
    if (this.gone.has(row?.dataset.item)) this.leave(row);
  }

  // It stays where it is: a row that vanished under the pointer would let another one be clicked.
  leave(row) {
    row.classList.add("is-gone");
    row.title = this.news.dataset.gone;
  }

  tell(text) {
    this.news.querySelector("[data-live-text]").textContent = text;
    this.news.hidden = false;
  }
}
