// The `?` opens its article beside the list. The dialog keeps the focus inside and gives it back to the `?` when it closes.
import { load } from "./fragments.js";

export function startHelp() {
  document.addEventListener("click", (event) => {
    const mark = event.target.closest("a.help-mark");
    if (!mark || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    show(mark);
  });
}

async function show(mark) {
  try {
    const page = await load(mark.href);
    const drawer = document.getElementById("drawer").content.firstElementChild.cloneNode(true);
    drawer.querySelector(".drawer-body").replaceWith(document.adoptNode(page.body.firstElementChild));
    drawer.setAttribute("aria-labelledby", "article-title");
    drawer.querySelector("[data-close]").addEventListener("click", () => drawer.close());
    drawer.addEventListener("click", (event) => event.target === drawer && drawer.close());
    drawer.addEventListener("close", () => {
      drawer.remove();
      mark.focus();
    });
    document.body.append(drawer);
    drawer.showModal();
    drawer.querySelector("#article-title").focus();
  } catch {
    location.assign(mark.href);
  }
}
