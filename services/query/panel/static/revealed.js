// What was revealed goes with the page that shows it: a browser may keep whole pages for its back button.
export function startRevealed() {
  const part = document.querySelector("[data-revealed]");
  if (!part) return;
  addEventListener("pagehide", () => part.replaceChildren());
  addEventListener("pageshow", (event) => event.persisted && location.replace(part.dataset.revealed));
}
