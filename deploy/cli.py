"""Where `ponte` begins. Almost nothing is imported before Ctrl-C can be a quiet end: what the command needs comes after (`commands.py`)."""

EXIT_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code. What goes wrong is one sentence on standard error."""
    try:
        from deploy.commands import run

        return run(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
