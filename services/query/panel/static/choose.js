// Check boxes of failed rows, and the button that says how many are chosen.
import { SWAPPED } from "./fragments.js";

const BOXES = "input[name=item][form=chosen]";

export function startChoosing() {
  const all = document.querySelector("[data-choose-all]");
  document.addEventListener("change", (event) => {
    if (event.target === all) {
      for (const box of document.querySelectorAll(BOXES)) box.checked = all.checked;
    }
    if (event.target === all || event.target.matches(BOXES)) tell();
  });
  document.addEventListener(SWAPPED, tell);
  tell();
}

export function tell() {
  const button = document.querySelector("button[data-chosen]");
  if (!button) return;
  const boxes = [...document.querySelectorAll(BOXES)];
  const chosen = boxes.filter((box) => box.checked).length;
  button.disabled = chosen === 0;
  button.querySelector("span").textContent = button.dataset.chosen.replace("{n}", chosen);
  const all = document.querySelector("[data-choose-all]");
  all.checked = chosen > 0 && chosen === boxes.length;
  all.indeterminate = chosen > 0 && chosen < boxes.length;
  all.disabled = boxes.length === 0;
}
