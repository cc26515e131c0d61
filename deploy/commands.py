"""The `ponte` command. It starts services as processes and imports none.

ponte up --demo        everything on this machine, with a live demo shop
ponte publish FILE     events from a file
ponte reprocess …      failed items back to their connectors, straight through the topic
ponte doctor           what is missing, and what to do about it
"""

import argparse
import errno
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.errors import CommandError
from deploy.parts import SERVICES

FORMATS: Final = ("xlsx", "csv", "jsonl")
EXIT_FAILED: Final = 1


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. What goes wrong is one sentence on standard error. KeyboardInterrupt goes through."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without arrows and accents gets `?` for them, not a trace
    with _told_to_the_end():
        return _run(arguments)


@contextmanager
def _told_to_the_end() -> Iterator[None]:
    """Hand over what was printed while it can still be said that nobody took it: Python, at its own end, would print a trace."""
    try:
        try:
            yield
        finally:
            print(end="", flush=True)
    except OSError as error:
        if error.errno not in {errno.EPIPE, errno.ENOSPC}:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what still waits to be written
        if error.errno == errno.ENOSPC:  # else who read has left, and wants no more
            print(f"ponte: what it has to say cannot be written: {error.strerror}", file=sys.stderr)
        sys.exit(EXIT_FAILED)


def _run(arguments: Sequence[str] | None) -> int:
    chosen = _parser().parse_args(arguments)
    logging.getLogger().addHandler(logging.NullHandler())  # libraries' own remarks would bury the sentence
    from deploy.local.errors import LocalServerError
    from shared.contracts.errors import PonteError

    try:
        code: int = chosen.run(chosen)
    except (CommandError, LocalServerError, PonteError) as error:
        print(f"ponte: {error}", file=sys.stderr)
        return EXIT_FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    from shared.contracts.names import KINDS

    parser = argparse.ArgumentParser("ponte", description="Did the integration work, why not, and again please.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = _command(commands, "up", "servers, services and the panel on this machine, until Ctrl-C", _up)
    up.add_argument("--demo", action="store_true", help="with a demo shop: a history and a steady stream of events")
    kept = up.add_mutually_exclusive_group()
    kept.add_argument("--ephemeral", action="store_true", help="keep nothing after the end")
    kept.add_argument("--data", type=Path, metavar="DIR", help="where the data stays (default: PONTE_DATA or .ponte)")

    for service in SERVICES:
        _command(
            commands, service, f"run the {service} service alone, addresses from the environment", _service(service)
        )

    publish = _command(commands, "publish", "publish the events of a file", _publish)
    publish.add_argument("file", metavar="FILE", help="one JSON object, an array or JSON lines; `-` is standard input")
    publish.add_argument(
        "--kind",
        choices=KINDS,
        help="the kind of bare data that names none; the topic of CloudEvents in other shapes than ours",
    )

    again = _command(commands, "reprocess", "ask for failed items to be tried again, through the topic", _reprocess)
    again.add_argument("kind", choices=KINDS)
    again.add_argument("codes", nargs="*", metavar="CODE", help="items; without any, all that --filter lets pass")
    again.add_argument("--all", action="store_true", help="every failed item of the kind, where nothing narrows it")
    again.add_argument("--dry-run", action="store_true", help="tell how many would be sent, and send nothing")
    again.add_argument("--affiliate", help="the affiliate of the items")
    again.add_argument("--filter", action="append", default=[], metavar="NAME=VALUE", help="e.g. status=error")
    again.add_argument("--reason", default="", help="why, for those who look later")
    again.add_argument("--max-per-second", type=int, metavar="N")

    export = _command(commands, "export", "write a report and download it", _export)
    export.add_argument("kind", nargs="*", type=_kind, metavar="KIND", help="none: all five")
    export.add_argument("--filter", action="append", default=[], metavar="NAME=VALUE")
    export.add_argument("--format", choices=FORMATS, help="default: what the name of --output ends with, else xlsx")
    export.add_argument("-o", "--output", metavar="FILE")

    back = _command(commands, "import", "bring an edited report back: what a reprocess of its rows would do", _import)
    back.add_argument("file", metavar="FILE", help="an .xlsx or CSV report as it was exported, rows removed or marked")
    back.add_argument("--apply", action="store_true", help="send the rows that can be; without it nothing is sent")
    back.add_argument("--reason", default="", help="why, for those who look later")
    back.add_argument("--max-per-second", type=int, metavar="N")

    topics = _command(commands, "topics", "the topics, their messages and what they are for", _topics)
    status = _command(commands, "status", "what runs on PONTE_HTTP_PORT, with a fresh sign-in link", _status)
    for listing in (topics, status):
        listing.add_argument("--json", action="store_true", help="for programs")
    _command(commands, "recount", "have the counts of the summary taken anew from the log", _recount)
    _command(commands, "doctor", "what is missing or unreachable, and what to do about it", _doctor)
    return parser


class _Version(argparse.Action):
    """argparse's own wants the text beforehand, and to look it up takes half as long as all the rest of a command's start."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"{parser.prog} {version('ponte')}")
        parser.exit()


def _kind(text: str) -> str:
    from shared.contracts.names import KINDS

    if text not in KINDS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(KINDS)}")
    return text


Run = Callable[[argparse.Namespace], int]


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, run: Run
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    return parser


def _up(chosen: argparse.Namespace) -> int:
    from deploy.instance import data_folder
    from deploy.up import Up

    data = None if chosen.ephemeral else chosen.data or data_folder()
    Up(data=data, demo=chosen.demo, say=_say).run()
    return 0


def _service(name: str) -> Run:
    def run(_: argparse.Namespace) -> int:
        os.execv(sys.executable, [sys.executable, "-m", f"services.{name}"])

    return run


def _publish(chosen: argparse.Namespace) -> int:
    from deploy.instance import account_name, reach_kafka
    from deploy.publish import publish_file

    count = publish_file(chosen.file, bootstrap=reach_kafka(), default_account=account_name(), kind=chosen.kind)
    print(f"published: {count} event{'' if count == 1 else 's'}")
    return 0


def _reprocess(chosen: argparse.Namespace) -> int:
    from deploy.ops import reprocess

    print(reprocess(chosen))
    return 0


def _export(chosen: argparse.Namespace) -> int:
    from deploy.ops import export

    told = export(chosen)
    # The report may have gone where we print.
    is_piped = chosen.output is not None and not Path(chosen.output).is_file()
    print(told, file=sys.stderr if is_piped else sys.stdout)
    return 0


def _import(chosen: argparse.Namespace) -> int:
    from deploy.bring_back import bring_back

    for line in bring_back(chosen):
        _say(line)
    return 0


def _topics(chosen: argparse.Namespace) -> int:
    from deploy.ops import topics

    print(topics(chosen))
    return 0


def _status(chosen: argparse.Namespace) -> int:
    from deploy.instance import get_instance
    from deploy.status import tell

    instance = get_instance()
    if chosen.json:
        print(instance.to_json())
        return 0
    text, is_well = tell(instance)
    print(text)
    return 0 if is_well else EXIT_FAILED


def _recount(_: argparse.Namespace) -> int:
    from deploy.recount import ask_to_recount

    print(ask_to_recount())
    return 0


def _doctor(_: argparse.Namespace) -> int:
    from deploy.doctor import examine

    findings = examine()
    for finding in findings:
        mark = "FAIL" if not finding.ok else "hint" if finding.remedy else "ok"
        print(f"{mark:4}  {finding.name:22} {finding.detail}")
        if finding.remedy:
            print(f"      {'':22} → {finding.remedy}")
    return 0 if all(finding.ok for finding in findings) else EXIT_FAILED


def _say(line: str) -> None:
    print(line, flush=True)
