// Menus are <details>; here they get the manners of a menu button: arrow keys, Escape, one open at a time.
import { SWAPPED } from "./fragments.js";

export function startMenus() {
  prepare(document);
  document.addEventListener(SWAPPED, (event) => prepare(event.target));
  document.addEventListener("toggle", onToggle, true);
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", (event) => closeAll((menu) => !menu.contains(event.target)));
}

export function closeAll(which = () => true) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (which(menu)) menu.open = false;
  }
}

function prepare(root) {
  for (const menu of root.querySelectorAll("details.menu")) {
    const summary = menu.querySelector("summary");
    const list = menu.querySelector(".menu-body:not(.is-form)");
    summary.setAttribute("role", "button");
    summary.setAttribute("aria-expanded", String(menu.open));
    if (!list) continue;
    summary.setAttribute("aria-haspopup", "menu");
    list.setAttribute("role", "menu");
    list.setAttribute("aria-label", summary.getAttribute("aria-label"));
    for (const item of list.querySelectorAll(".menu-item")) {
      item.setAttribute("role", "menuitem");
      item.tabIndex = -1;
    }
  }
}

function onToggle(event) {
  const menu = event.target;
  if (!menu.matches?.("details.menu")) return;
  menu.querySelector("summary").setAttribute("aria-expanded", String(menu.open));
  if (!menu.open) return;
  closeAll((other) => other !== menu);
  if (!menu.querySelector("[role=menu]")?.contains(document.activeElement)) focusFirst(menu);
}

function focusFirst(menu) {
  menu.querySelector("[role=menuitem]")?.focus();
}

function onKey(event) {
  const menu = event.target.closest?.("details.menu");
  if (!menu) return;
  const summary = menu.querySelector("summary");
  if (event.key === "Escape" && menu.open) {
    menu.open = false;
    summary.focus();
  } else if (opens(event.key, menu) && event.target === summary && menu.querySelector("[role=menu]")) {
    event.preventDefault();
    menu.open = true;
    focusFirst(menu); // at once: the toggle event comes later, and the next key may come before it
  } else if (event.target.matches("[role=menuitem]")) {
    onMenuKey(event, menu);
  }
}

function opens(key, menu) {
  return key === "ArrowDown" || (key === "Enter" && !menu.open);
}

function onMenuKey(event, menu) {
  const items = [...menu.querySelectorAll("[role=menuitem]")];
  const at = items.indexOf(event.target);
  const wanted = {
    ArrowDown: items[(at + 1) % items.length],
    ArrowUp: items[(at - 1 + items.length) % items.length],
    Home: items[0],
    End: items[items.length - 1],
  }[event.key];
  if (wanted) {
    event.preventDefault();
    wanted.focus();
  } else if (event.key === "Tab") {
    menu.open = false;
  }
}
