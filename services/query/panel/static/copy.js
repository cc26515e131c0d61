// Copy buttons: the text of the listing beside them, or the one they carry.
import { closeAll } from "./menus.js";
import { toast } from "./toasts.js";

export function startCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = button.dataset.text ?? button.parentElement.querySelector("pre").textContent;
    try {
      await navigator.clipboard.writeText(text);
      toast(button.dataset.copy);
    } catch {
      toast(document.documentElement.dataset.failed, { isError: true });
    }
    const menu = button.closest("details.menu");
    closeAll();
    menu?.querySelector("summary").focus();
  });
}
