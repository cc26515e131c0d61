// One row in the place of another, with what the visitor had opened, chosen and focused.
import { expand, isExpanded } from "./expand.js";
import { swapKept } from "./keep.js";
import { toast } from "./toasts.js";

// Returns the row that now stands there, null when nothing about it changed. An answer that was waited for is told.
export function renew(fresh) {
  const old = document.getElementById(fresh.id);
  if (!old || old.dataset.fingerprint === fresh.dataset.fingerprint) return null;
  const wasOpen = isExpanded(old);
  const wasWaiting = old.hasAttribute("data-waiting");
  const shown = swapKept(old, fresh, (row) => row.querySelector(".menu > summary"));
  if (wasOpen) expand(shown, true);
  if (wasWaiting && !shown.hasAttribute("data-waiting")) toast(`${shown.dataset.code}: ${shown.dataset.status}`);
  return shown;
}
