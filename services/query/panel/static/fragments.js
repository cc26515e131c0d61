// Parts of pages, rendered and escaped by the server. They are parsed by the browser's own loader into a document that runs
// nothing and then moved over: no text ever becomes markup here.

export const SWAPPED = "ponte:swapped";

export function load(address, form = null) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(form ? "POST" : "GET", address);
    request.responseType = "document";
    request.setRequestHeader("X-Ponte-Fragment", "1");
    request.onload = () => {
      const page = request.response;
      if (page && request.status < 400) {
        resolve(page);
      } else {
        reject(new Error(problemOf(page) || document.documentElement.dataset.failed));
      }
    };
    request.onerror = () => reject(new Error(document.documentElement.dataset.failed));
    request.send(form);
  });
}

// What happened and what to do about it, as the page of a problem says it.
function problemOf(page) {
  const told = [...(page?.querySelectorAll(".problem > h1, .problem > p") ?? [])];
  return told.map((part) => part.textContent.trim()).filter(Boolean).join(". ");
}

export function formValues(form, submitter) {
  return new URLSearchParams(new FormData(form, submitter));
}

// Puts `fresh`, from another document, into the place of `old`, and tells whoever prepares elements.
export function swap(old, fresh) {
  const adopted = document.adoptNode(fresh);
  old.replaceWith(adopted);
  adopted.dispatchEvent(new CustomEvent(SWAPPED, { bubbles: true }));
  return adopted;
}
