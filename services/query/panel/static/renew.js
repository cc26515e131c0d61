// One row in the place of another, with what the visitor had opened and focused.
import { expand, isExpanded } from "./expand.js";
import { swap } from "./fragments.js";
import { toast } from "./toasts.js";

// Returns the row that now stands there, null when nothing about it changed. An answer that was waited for is told.
export function renew(fresh) {
  const old = document.getElementById(fresh.id);
  if (!old || old.dataset.fingerprint === fresh.dataset.fingerprint) return null;
  const wasOpen = isExpanded(old);
  const hadFocus = old.contains(document.activeElement);
  const wasWaiting = old.hasAttribute("data-waiting");
  const shown = swap(old, fresh);
  if (wasOpen) expand(shown, true);
  if (hadFocus) shown.querySelector(".menu > summary").focus();
  if (wasWaiting && !shown.hasAttribute("data-waiting")) toast(`${shown.dataset.code}: ${shown.dataset.status}`);
  return shown;
}
