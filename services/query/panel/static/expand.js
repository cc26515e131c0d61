// Rows open in place; what is long (evidence, content, history) is loaded when the opened part comes into view.
import { SWAPPED, load } from "./fragments.js";

const INTERACTIVE = "a, button, input, label, select, summary, details, pre";

const whenSeen = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (isIntersecting) {
      whenSeen.unobserve(target);
      fill(target);
    }
  }
}, { rootMargin: "200px" });

export function startExpanding() {
  document.addEventListener("click", (event) => {
    const row = event.target.closest(".entry > .row");
    if (!row || String(getSelection() ?? "")) return; // whoever marks text wants the text
    if (event.target.closest(".expander") || !event.target.closest(INTERACTIVE)) {
      const opens = !isExpanded(row.parentElement);
      expand(row.parentElement, opens);
      if (opens) fillAtOnce(row.parentElement);
      tellAll();
    }
  });
  const all = document.querySelector("[data-expand]");
  all?.addEventListener("click", () => {
    const opens = all.getAttribute("aria-pressed") !== "true";
    for (const entry of document.querySelectorAll(".entry")) expand(entry, opens);
    tellAll();
  });
}

export function isExpanded(entry) {
  return entry.querySelector(".expander").getAttribute("aria-expanded") === "true";
}

export function expand(entry, opens) {
  entry.querySelector(".expander").setAttribute("aria-expanded", String(opens));
  entry.querySelector(".details").hidden = !opens;
  const rest = entry.querySelector(".rest[data-load]");
  if (opens && rest) whenSeen.observe(rest);
}

function fillAtOnce(entry) {
  const rest = entry.querySelector(".rest[data-load]");
  if (!rest) return;
  whenSeen.unobserve(rest);
  fill(rest);
}

// Puts what `data-load` names in the place of what stands in `rest`; where that fails, it says so and may be tried again.
export async function fill(rest) {
  const address = rest.dataset.load;
  delete rest.dataset.load;
  try {
    const page = await load(address);
    rest.replaceChildren(document.adoptNode(page.body.firstElementChild));
    rest.dispatchEvent(new CustomEvent(SWAPPED, { bubbles: true }));
  } catch {
    rest.dataset.load = address;
    rest.firstElementChild.textContent = rest.dataset.failed;
  }
}

// The button says what it would do next: close once every row is open.
function tellAll() {
  const all = document.querySelector("[data-expand]");
  if (!all) return;
  const isOpen = [...document.querySelectorAll(".entry")].every(isExpanded);
  all.setAttribute("aria-pressed", String(isOpen));
  all.textContent = isOpen ? all.dataset.collapse : all.dataset.expandLabel;
}
