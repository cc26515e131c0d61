// A list that lives: a stream tells which items changed, the server renders their rows again, and what does not stand on this page is
// counted in a banner. The stream is open only while someone looks: a browser has six connections for all tabs of a site.
import { load } from "./fragments.js";
import { released } from "./keep.js";
import { renew } from "./renew.js";

const GATHER_MS = 400;
const MOST_ROWS = 100;
const MOST_COUNTED = 999; // a page that stays open for days remembers no more names than that
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
    this.isStale = false; // events were left out: until the page is loaded again, whatever comes after them
    this.isBehind = false; // rows could not be read again: until they can
    this.pause = FIRST_PAUSE_MS;
    this.rowsPause = FIRST_PAUSE_MS;
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
      this.goStale();
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
    this.goStale();
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
    if (!row) {
      if (item.matches) this.count(name);
    } else if (item.matches) {
      this.gone.delete(name);
      this.changed.add(name);
      this.gather();
    } else {
      this.gone.add(name);
      this.leave(row);
    }
  }

  count(name) {
    if (this.elsewhere.size > MOST_COUNTED) return;
    this.elsewhere.add(name);
    this.tellSoon();
  }

  rowOf(name) {
    return [...document.querySelectorAll(".entry[data-item]")].find((entry) => entry.dataset.item === name);
  }

  gather(pause = GATHER_MS) {
    this.gathering ??= setTimeout(() => this.renewRows(), pause);
  }

  async renewRows() {
    this.gathering = null;
    if (!this.isWanted || !this.source) return; // Held still, or nobody looks: what changed is kept until the list lives again.
    const names = [...this.changed].slice(0, MOST_ROWS);
    for (const name of names) this.changed.delete(name);
    const keep = () => names.forEach((name) => this.changed.add(name));
    try {
      const page = await load(`/logs/${this.kind}/rows?${new URLSearchParams(names.map((name) => ["item", name]))}`);
      await released(document.querySelector("[data-list]"));
      if (!this.isWanted) return void keep();
      for (const fresh of [...page.querySelectorAll(".entry")]) this.renewed(renew(fresh));
      this.catchUp(true);
    } catch {
      keep();
      this.catchUp(false);
    }
    if (this.changed.size) this.gather(this.isBehind ? this.rowsPause : GATHER_MS);
  }

  // Rows that could not be read are asked for again, ever more rarely, and the page says meanwhile that it may be old.
  catchUp(isDone) {
    this.rowsPause = isDone ? FIRST_PAUSE_MS : Math.min(this.isBehind ? this.rowsPause * 2 : FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    if (this.isBehind === !isDone) return;
    this.isBehind = !isDone;
    this.tellSoon();
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

  goStale() {
    this.isStale = true;
    this.tellSoon();
  }

  // A screen reader reads out what changes here: once for all that comes within a moment.
  tellSoon() {
    this.telling ??= setTimeout(() => this.tell(), GATHER_MS);
  }

  tell() {
    this.telling = null;
    const told = this.news.querySelector("[data-live-text]");
    const text = this.isStale || this.isBehind ? this.news.dataset.stale : this.counted();
    if (told.textContent !== text) told.textContent = text;
    this.news.hidden = !text;
  }

  counted() {
    const { size } = this.elsewhere;
    const { new: many, newOne: one } = this.news.dataset;
    if (!size) return "";
    return (size === 1 ? one : many).replace("{n}", size > MOST_COUNTED ? `${MOST_COUNTED}+` : size);
  }
}
