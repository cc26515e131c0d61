"""What a person with a keyboard, a screen reader or weak sight would trip over, found by looking at the page itself."""

from playwright.sync_api import Page

CONTRAST = """
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (front, back) => front.slice(0, 3).map((part, at) => part * front[3] + back[at] * (1 - front[3]));
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest("[disabled], [aria-disabled=true], .visually-hidden, .skip, option")) continue;
    const back = ground(element);
    const [a, b] = [light(over(rgba(getComputedStyle(element).color), back)), light(back)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${element.className}: ${texts.currentNode.data.trim().slice(0, 40)}`);
  }
  return found;
}
"""

NAMELESS = """
() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, dialog, [role=menu]")]
  .filter((element) => element.checkVisibility())
  .filter((element) => !(element.getAttribute("aria-label") || element.getAttribute("aria-labelledby") || element.title ||
    element.innerText?.trim() || [...(element.labels ?? [])].some((label) => label.textContent.trim())))
  .map((element) => element.outerHTML.slice(0, 120))
"""

TWICE = """
() => {
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  return ids.filter((id, at) => ids.indexOf(id) !== at);
}
"""

SMALL = """
() => [...document.querySelectorAll("button, summary, .button, .tab, .badge, .chip, .help-mark, .strip a, .sections a, .search-clear, label:has(> input), select")]
  .filter((element) => element.checkVisibility() && !element.closest(".visually-hidden"))
  .map((element) => [element.getBoundingClientRect(), element])
  .filter(([box]) => box.width < 24 || box.height < 24)
  .map(([box, element]) => `${Math.round(box.width)}x${Math.round(box.height)} ${element.className}: ${element.innerText}`)
"""

DANGLING = """
() => ["aria-controls", "aria-labelledby", "aria-describedby", "for", "form", "list"].flatMap((name) =>
  [...document.querySelectorAll(`[${name}]`)].map((element) => element.getAttribute(name))
    .filter((ids) => !ids.trim() || ids.trim().split(" ").some((id) => !document.getElementById(id))).map((ids) => `${name}=${ids}`))
"""


def findings(page: Page) -> dict[str, list[str]]:
    """Return what is wrong with the page, by check; nothing is an empty dict."""
    checks = {"contrast": CONTRAST, "nameless": NAMELESS, "same id": TWICE, "small target": SMALL, "dangling": DANGLING}
    found = {name: page.evaluate(check) for name, check in checks.items()}
    landmarks = {mark: page.locator(mark).count() for mark in ("main", "header", "footer", "h1", "a.skip")}
    found["landmark"] = [f"{mark}: {count}" for mark, count in landmarks.items() if count != 1]
    return {name: wrong for name, wrong in found.items() if wrong}


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
