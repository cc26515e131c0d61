// Short messages at the lower edge, read out by screen readers.
const STAYS_MS = 8000;

export function toast(content, { isError = false, stays = false } = {}) {
  const made = document.getElementById("toast").content.firstElementChild.cloneNode(true);
  const body = made.querySelector(".toast-body");
  if (content instanceof Node) {
    body.replaceWith(content);
  } else {
    body.textContent = content;
  }
  made.classList.toggle("is-error", isError);
  made.querySelector("button").addEventListener("click", () => made.remove());
  document.querySelector(".toasts").append(made);
  if (!stays) setTimeout(() => made.remove(), STAYS_MS);
  return made;
}

export function complain(error) {
  toast(error.message, { isError: true });
}
