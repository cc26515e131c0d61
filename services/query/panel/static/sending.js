// A button that has sent its form sends it once: a second click before the answer would ask for the same thing again.
const FREE_AFTER_MS = 20000;

let sending = new WeakSet();

export function startSending() {
  document.addEventListener("submit", hold, true);
  addEventListener("pageshow", () => (sending = new WeakSet()));
}

// Lets a button send again, once what it asked for is answered.
export function free(button) {
  sending.delete(button);
  button?.removeAttribute("aria-busy");
}

function hold(event) {
  const button = event.submitter;
  if (!button || event.target.method !== "post" || event.target.matches("[data-repeats]")) return;
  if (sending.has(button)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  sending.add(button);
  button.setAttribute("aria-busy", "true");
  setTimeout(() => free(button), FREE_AFTER_MS);
}
