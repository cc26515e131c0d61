// A fresh part of a page in the place of an old one, with what the visitor had done to it: ticks, what is open, the focus.
import { swap } from "./fragments.js";

const LOOK_MS = 50;
const LONGEST_PRESS_MS = 5000; // a release outside the window may never be told
const NAMES = ["id", "name", "value", "href", "aria-controls", "data-fold", "data-text"];

let pressed = null;

addEventListener("pointerdown", (event) => (pressed = event.button === 0 ? event.target : null), true);
for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, () => setTimeout(() => (pressed = null)), true); // its click comes before that
}

// Waits while a pointer is pressed inside `part`: a button that goes between press and release is never clicked.
export async function released(part) {
  for (let waited = 0; pressed && part.contains(pressed) && waited < LONGEST_PRESS_MS; waited += LOOK_MS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

// Returns what now stands there. `lost`: what is focused where the focused control is gone, so that no keyboard starts from the top.
export function swapKept(old, fresh, lost = (shown) => shown) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const heir = focused && twinOf(focused, old, fresh);
  const isInMenu = Boolean(focused?.closest("details.menu")?.open);
  keepTicks(old, fresh);
  const shown = swap(old, fresh);
  if (focused) focus(heir ?? lost(shown), isInMenu && heir);
  return shown;
}

function keepTicks(old, fresh) {
  for (const box of old.querySelectorAll("input[type=checkbox]")) {
    const twin = twinOf(box, old, fresh);
    if (twin) twin.checked = box.checked;
  }
  for (const fold of old.querySelectorAll("details[data-fold]")) {
    const twin = twinOf(fold, old, fresh);
    if (twin) twin.open = fold.open;
  }
}

function focus(element, opensMenu) {
  if (opensMenu) element.closest("details.menu").open = true;
  if (element.tabIndex < 0 && !element.hasAttribute("tabindex")) element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

// The same control in the fresh part: what has its name, at the same place among those that share it.
function twinOf(element, old, fresh) {
  if (element === old) return fresh;
  const name = nameOf(element);
  const alike = (root) => [...root.querySelectorAll(element.localName)].filter((other) => nameOf(other) === name);
  return alike(fresh)[alike(old).indexOf(element)] ?? null;
}

function nameOf(element) {
  const names = NAMES.map((name) => element.getAttribute(name));
  const form = element.closest("form")?.getAttribute("action");
  return JSON.stringify([...names, form, element.closest("[data-fold]")?.dataset.fold]);
}
