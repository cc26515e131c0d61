"""A browser for tests, and contexts that end: what a page does is the product's, what a browser does that shows none is its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final
from uuid import uuid4

import psutil
from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright

LEAVE_SECONDS: Final = 20.0
CLOSE_SECONDS: Final = 30.0
"""A context without pages closes in milliseconds; chromium was seen to take for ever over it, once in thousands."""

TRIES: Final = 3


class Chromium:
    """Launched when it is first asked for, and anew after it was ended."""

    def __init__(self, playwright: Playwright, executable: str, arguments: list[str]) -> None:
        self._playwright = playwright
        self._executable = executable
        self._arguments = arguments
        self._running: Browser | None = None
        self._process: psutil.Process | None = None

    @property
    def process(self) -> psutil.Process:
        """The browser itself. Raise RuntimeError before there is one."""
        if self._process is None:
            raise RuntimeError("no browser was launched yet")
        return self._process

    def new_context(self, **options: Any) -> BrowserContext:
        """Return a new one; `close` ends it."""
        if self._running is None or not self._running.is_connected():
            self._launch()
        assert self._running is not None
        return self._running.new_context(**options)

    def close(self, context: BrowserContext) -> None:
        """Have its pages go, then close it. Raise TimeoutError for a page that does not let go: that is a fault of the page.

        A browser that then takes too long has no page of ours any more: it is ended, and the next context has another.
        """
        try:
            for page in context.pages:
                leave(page)
        finally:
            with self._ended_after(CLOSE_SECONDS) as was_ended:
                try:
                    context.close()
                except Error:
                    if not was_ended.is_set():
                        raise

    def end(self) -> None:
        """Close the browser, in time or by force."""
        if self._running is not None:
            with self._ended_after(CLOSE_SECONDS):
                self._running.close()

    def _launch(self) -> None:
        mark = f"--of-the-tests={uuid4().hex}"
        arguments = [*self._arguments, mark]
        self._running = self._playwright.chromium.launch(executable_path=self._executable, args=arguments)
        self._process = _browser_marked(mark)

    @contextmanager
    def _ended_after(self, seconds: float) -> Iterator[threading.Event]:
        """Kill the browser if the block takes longer. Give what tells whether it was."""
        was_ended = threading.Event()

        def end() -> None:
            was_ended.set()
            with suppress(psutil.NoSuchProcess):
                self.process.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            yield was_ended
        finally:
            timer.cancel()
            timer.join()


def _browser_marked(mark: str) -> psutil.Process:
    """Return the process of ours that was started with that word, and is none of the browser's own children. Raise RuntimeError."""
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # others come and go
            words = one.cmdline()
            if mark in words and not any(word.startswith("--type=") for word in words):
                return one
    raise RuntimeError("the browser that was launched just now is not there")


def leave(page: Page) -> None:
    """Have the page shown no more. A navigation of its own that is under way may come in between."""
    for left in reversed(range(TRIES)):
        try:
            page.goto("about:blank", timeout=LEAVE_SECONDS * 1000)
        except Error as error:
            if page.is_closed():
                return
            if left == 0 or "interrupted" not in error.message:
                raise
        else:
            return
