// Parts of a page that grow by themselves: the progress of jobs, an item that is sent again. Nothing is asked while nobody looks.
import { load } from "./fragments.js";
import { released, swapKept } from "./keep.js";
import { toast } from "./toasts.js";

const PAUSE_MS = 1000;
const AFTER_FAILURE_MS = 5000;

export function startPolling() {
  for (const part of document.querySelectorAll("main [id][data-poll]")) setTimeout(() => look(part, part), pauseOf(part));
}

// `known` is how the part came from the server: times and menus on the page are written anew, and would always differ.
async function look(part, known) {
  let pause = pauseOf(part);
  try {
    await seen();
    const page = await load(part.dataset.poll);
    await released(part);
    const fresh = page.getElementById(part.id);
    const came = fresh.cloneNode(true);
    if (!came.isEqualNode(known)) part = renewed(part, fresh);
    known = came;
  } catch {
    pause = AFTER_FAILURE_MS;
  }
  if (part.dataset.poll) setTimeout(() => look(part, known), pause);
}

function renewed(old, fresh) {
  const shown = swapKept(old, fresh);
  if (old.dataset.told && !shown.dataset.poll) toast(shown.dataset.told);
  return shown;
}

function pauseOf(part) {
  return Number(part.dataset.pause) || PAUSE_MS;
}

function seen() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}
