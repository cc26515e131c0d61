// Exporting from a list: a message at the lower edge shows the progress; the download starts when the file is whole.
import { closeAll } from "./menus.js";
import { formValues, load, swap } from "./fragments.js";
import { free } from "./sending.js";
import { complain, toast } from "./toasts.js";

const PAUSE_MS = 1000;

export function startExports() {
  document.addEventListener("submit", async (event) => {
    if (!event.target.matches("form.export")) return;
    event.preventDefault();
    closeAll();
    try {
      const page = await load(event.target.action, formValues(event.target, event.submitter));
      const shown = document.adoptNode(page.body.firstElementChild);
      toast(shown, { stays: true });
      follow(shown);
    } catch (error) {
      complain(error);
    } finally {
      free(event.submitter);
    }
  });
}

function follow(shown) {
  if (shown.dataset.file) {
    shown.querySelector("a[download]").click();
  } else if (shown.dataset.poll) {
    setTimeout(() => look(shown), PAUSE_MS);
  }
}

async function look(shown) {
  if (!shown.isConnected) return;
  try {
    const page = await load(shown.dataset.poll);
    follow(swap(shown, page.body.firstElementChild));
  } catch {
    setTimeout(() => look(shown), PAUSE_MS * 5);
  }
}
