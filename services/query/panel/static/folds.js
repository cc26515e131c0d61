// What costs to find out is loaded when its fold is opened. Without a script a link in the fold leads to it.
import { fill } from "./expand.js";
import { SWAPPED } from "./fragments.js";

export function startFolds() {
  document.addEventListener("toggle", (event) => fillOpen(event.target), true);
  document.addEventListener(SWAPPED, (event) => fillOpen(event.target)); // a part that is renewed keeps what was open
}

function fillOpen(root) {
  for (const part of root.querySelectorAll(".fold[open] > .fold-body > [data-load]")) fill(part);
}
