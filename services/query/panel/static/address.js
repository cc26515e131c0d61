// What became of a form is told once: a reload, a bookmark or a link to somebody else is not to tell it again.
export function startAddress() {
  const address = new URL(location.href);
  const told = document.documentElement.dataset.toldOnce.split(" ").filter((name) => address.searchParams.has(name));
  for (const name of told) address.searchParams.delete(name);
  if (told.length) history.replaceState(history.state, "", address);
}
