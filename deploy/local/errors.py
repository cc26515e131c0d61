"""What can go wrong with a local server, said in one sentence that a person can act on."""


class LocalServerError(Exception):
    """A local server cannot run. `str()` is one sentence that says what is wrong and what to do about it."""
