// The server writes instants in the zone it knows of. Here they move to the browser's zone, which the next page will know.
import { SWAPPED } from "./fragments.js";

const page = document.documentElement;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const YEAR_SECONDS = 31536000;

export function startTimes() {
  if (!zone || zone === page.dataset.zone) return;
  document.cookie = `ponte_zone=${zone}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
  rewrite(document);
  document.addEventListener(SWAPPED, (event) => rewrite(event.target));
}

function rewrite(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const text = written(at);
    time.textContent = "clock" in time.dataset ? text.split(" ").at(-1) : text;
    time.title = `${text} (${zone}, ${offset(at)})`;
  }
}

function written(at) {
  const part = Object.fromEntries(
    new Intl.DateTimeFormat(page.lang, {
      year: "numeric",
      month: page.dataset.language === "en" ? "short" : "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    })
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const mark = page.dataset.language === "en" ? " " : "/";
  return `${part.day}${mark}${part.month}${mark}${part.year} ${part.hour}:${part.minute}:${part.second}`;
}

function offset(at) {
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "longOffset" }).formatToParts(at);
  return parts.find(({ type }) => type === "timeZoneName").value.replace("GMT", "UTC");
}
