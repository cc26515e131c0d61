// Parts of a page that grow by themselves: the progress of jobs.
import { load, swap } from "./fragments.js";

const PAUSE_MS = 1000;
const AFTER_FAILURE_MS = 5000;

export function startPolling() {
  for (const part of document.querySelectorAll("main [id][data-poll]")) setTimeout(() => look(part), PAUSE_MS);
}

async function look(part) {
  let pause = PAUSE_MS;
  try {
    const page = await load(part.dataset.poll);
    part = swap(part, page.getElementById(part.id));
  } catch {
    pause = AFTER_FAILURE_MS;
  }
  if (part.dataset.poll) setTimeout(() => look(part), pause);
}
