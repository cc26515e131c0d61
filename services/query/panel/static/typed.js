// Choosing another language loads the page anew: what was typed into its forms, sent or not, is written into them again.
const KEPT = "ponte-typed";
const FIELDS = "form[method=post] :is(input:not([type=hidden], [type=password]), textarea)";

export function startTyped() {
  writeAgain(taken());
  document.querySelector("form.languages")?.addEventListener("submit", () => keep(typed()));
}

function typed() {
  return Object.fromEntries([...document.querySelectorAll(FIELDS)].map((field) => [nameOf(field), stateOf(field)]));
}

function writeAgain(values) {
  for (const field of document.querySelectorAll(FIELDS)) {
    const value = values[nameOf(field)];
    if (typeof value === "boolean") field.checked = value;
    else if (value !== undefined) field.value = value;
  }
}

function stateOf(field) {
  return field.type === "checkbox" ? field.checked : field.value;
}

function nameOf(field) {
  return [field.form.getAttribute("action"), field.name, field.type === "checkbox" ? field.value : ""].join(" ");
}

// A browser that keeps nothing of this site refuses the storage itself.
function keep(values) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(values));
  } catch {
    return;
  }
}

function taken() {
  try {
    const kept = sessionStorage.getItem(KEPT);
    sessionStorage.removeItem(KEPT);
    return JSON.parse(kept) ?? {};
  } catch {
    return {};
  }
}
