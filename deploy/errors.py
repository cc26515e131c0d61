"""What a person at the command line did or met, said in one sentence that tells what to do."""


class CommandError(Exception):
    """A `ponte` command cannot be done. `str()` is one sentence for the person who typed it."""
