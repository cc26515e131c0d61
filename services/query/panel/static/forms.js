// Filter and page size: an address holds only what was chosen.
export function startForms() {
  document.addEventListener("formdata", (event) => {
    if (event.target.method === "get") keepFilled(event.formData);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
}

function keepFilled(values) {
  for (const name of new Set(values.keys())) {
    const filled = values.getAll(name).filter((value) => value.trim());
    values.delete(name);
    for (const value of filled) values.append(name, value);
  }
  if (!values.has("from") && !values.has("to")) values.delete("zone"); // it is that of the period
}
