// Reprocess without leaving the list: the rows turn to "under way" and are asked for again until their answer is there.
import { formValues, load } from "./fragments.js";
import { renew } from "./renew.js";
import { free } from "./sending.js";
import { complain, toast } from "./toasts.js";

const FIRST_PAUSE_MS = 1500;
const LONGEST_PAUSE_MS = 15000;
const GROWTH = 1.15;

let timer = 0;
let pause = FIRST_PAUSE_MS;

export function startReprocessing() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("#chosen:not([data-leaves]), #single:not([data-leaves])")) return;
    event.preventDefault();
    send(event.target, event.submitter);
  });
  document.addEventListener("visibilitychange", () => !document.hidden && watch());
  watch();
}

async function send(form, submitter) {
  try {
    const page = await load(form.action, formValues(form, submitter));
    for (const fresh of [...page.querySelectorAll(".entry")]) renew(fresh);
    toast(page.querySelector(".announcement").textContent);
    pause = FIRST_PAUSE_MS;
    watch();
  } catch (error) {
    complain(error);
  } finally {
    free(submitter);
  }
}

function watch() {
  clearTimeout(timer);
  if (document.querySelector(".entry[data-waiting]")) timer = setTimeout(look, pause);
}

async function look() {
  if (document.hidden) return;
  const query = new URLSearchParams();
  for (const entry of document.querySelectorAll(".entry[data-waiting]")) {
    query.append("item", entry.dataset.item);
    if (entry.dataset.waiting) query.append("job", entry.dataset.waiting);
  }
  try {
    const kind = document.querySelector("[data-list]").dataset.list;
    const page = await load(`/logs/${kind}/rows?${query}`);
    for (const fresh of [...page.querySelectorAll(".entry")]) renew(fresh);
  } catch {
    // The next look may find the service again.
  }
  pause = Math.min(pause * GROWTH, LONGEST_PAUSE_MS);
  watch();
}
