"""The one voice of the command lines: where words go, and with which code they end.

Results go to stdout, all else to stderr. The exit code is 0 if all is well, 1 if a
check has failed, 2 for what a user can mend, and 130 after Ctrl-C. Every command takes
`--json`: JSON alone on stdout; or `--json FILE`: JSON into a file, besides the words.

The same file is in `geomnet` and in `pde_data`, which do not import each other.
"""

import argparse
import contextlib
import dataclasses
import importlib.metadata
import io
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ._interrupt import end_at_once, end_in_order, is_command
from ._json import json_text
from ._suggestion import suggestion
from ._whole_file import whole

# What a user can cause; all else is a fault of ours, and shown as one.
FAILURES: tuple[type[Exception], ...] = (ImportError, MemoryError, OSError, ValueError)
# No report is larger.
_MOST_BYTES = 2**26
_STDOUT = "-"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a command has found.

    **Arguments:**

    - `data`: all that its words say, for `--json`.
    - `code`: 1 if a check has failed, 2 if something could not be read.
    """

    data: Any
    code: int = 0


Say = Callable[[Any], None]
"""Prints a line of the result, unless stdout is for JSON."""
Run = Callable[[argparse.Namespace, Say], Answer]


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, with what may have been meant."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with code 2."""
        hint = ""
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)$", message)
        if choice:
            hint = suggestion(choice[1], re.findall(r"[\w.-]+", choice[2]))
        text = f"{message.rstrip('.')}.{hint} See `{self.prog} --help`."
        self.exit(2, f"error: {one_line(text)}\n")


def program(package: str, description: str) -> tuple[Parser, Any]:
    """The parser of `python -m package`, and the collection of its commands."""
    parser = Parser(prog=f"python -m {package}", description=description)
    try:
        version = importlib.metadata.version("geomnet")
    except importlib.metadata.PackageNotFoundError:
        version = "uninstalled"
    parser.add_argument("--version", action="version", version=f"{package} {version}")
    return parser, parser.add_subparsers(required=True, metavar="COMMAND")


def add_command(
    commands: Any, name: str, run: Run, text: str, aliases: Sequence[str] = ()
) -> Parser:
    """A command, with what it does in a sentence."""
    command = commands.add_parser(name, help=text, description=text, aliases=aliases)
    command.add_argument(
        "--json",
        nargs="?",
        const=_STDOUT,
        type=_json_target,
        metavar="FILE",
        help="print JSON alone, for programs; with FILE, write it there besides",
    )
    command.set_defaults(run=run, command=command, interrupted="Interrupted.")
    return command


def run_command(
    parser: Parser,
    arguments: Sequence[str] | None,
    failures: tuple[type[Exception], ...] = FAILURES,
    words: Callable[[str], str] = str,
) -> int:
    """Runs the command that the arguments name, and returns the exit code.

    **Arguments:**

    - `failures`: the exceptions that a user can cause: one line and code 2.
    - `words`: what is done to the text of an exception.
    """
    options = argparse.Namespace(interrupted="Interrupted.")
    try:
        _, unknown = parser.parse_known_args(arguments, options)
        if unknown:
            options.command.error(_unknown(unknown, options.command))
        answer = options.run(options, _silent if options.json == _STDOUT else _print)
        if options.json == _STDOUT:
            _print(json_text(answer.data))
        elif options.json is not None:
            with whole(options.json) as path:
                path.write_text(json_text(answer.data) + "\n")
        return answer.code
    except KeyboardInterrupt:
        _to_stderr(f"\n{options.interrupted}")
        return 130
    except BrokenPipeError:
        # The reader, such as `head`, has had enough.
        _forget(sys.stdout)
        return 0
    except failures as error:
        complain(words(str(error)) or type(error).__name__)
        return 2


def as_program(main: Callable[[], int]) -> NoReturn:
    """Ends the process with the code of `main`, and without a traceback if it is
    interrupted before or behind it, or can't write.
    """
    code: Any = 130
    with contextlib.suppress(KeyboardInterrupt):
        if is_command():
            end_in_order()
        if isinstance(sys.stdout, io.TextIOWrapper):
            # What a terminal's encoding lacks is no reason to end.
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            code = main()
        except SystemExit as stop:
            code = stop.code
        end_at_once()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            _forget(stream)
    if code == 130:
        # JAX may crash when Python ends amid of a compilation.
        os._exit(code)
    sys.exit(code)


def complain(error: object) -> None:
    """One line on stderr for what is wrong."""
    _to_stderr(f"error: {one_line(error)}")


def note(text: object) -> None:
    """One line on stderr for what a user may not have meant."""
    _to_stderr(f"note: {one_line(text)}")


def one_line(text: object) -> str:
    """Text as one line that does nothing to a terminal, whoever has written it.

    Files name what they hold, and a terminal obeys control characters.
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


def _json_target(text: str) -> str:
    """**Raises:** `OSError`, before any work is done, for what can't be written, and
    for what was meant to be read: `--json` takes the word after it.
    """
    path = Path(text)
    said = f"`--json`: {path} can't be written: "
    if text == _STDOUT:
        return text
    if not text or path.is_dir():
        raise IsADirectoryError(f"{said}it is a folder; name a file.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{said}no such folder.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"{said}no permission.")
    if path.is_file() and not _is_json(path):
        raise FileExistsError(
            f"`--json`: {path} holds something else than JSON, and is not overwritten. "
            "To print JSON, put `--json` last."
        )
    return text


def _is_json(path: Path) -> bool:
    size = path.stat().st_size
    try:
        return size <= _MOST_BYTES and (not size or _parsed(path.read_bytes()))
    except (RecursionError, ValueError):
        return False


def _parsed(content: bytes) -> bool:
    json.loads(content)
    return True


def _unknown(given: Sequence[str], command: argparse.ArgumentParser) -> str:
    """That arguments are not known, with what may have been meant."""
    known = re.findall(r"--[\w-]+", command.format_help())
    hints = (suggestion(name.partition("=")[0], known) for name in given)
    return f"unrecognized arguments: {' '.join(given)}.{''.join(hints)}"


def _print(text: object) -> None:
    lines = "\n".join(map(one_line, str(text).split("\n")))
    with contextlib.ExitStack() as stack:
        if "tqdm" in sys.modules:
            # Bars that are there make room.
            stack.enter_context(sys.modules["tqdm"].tqdm.external_write_mode())
        print(lines, flush=True)


def _silent(_text: object) -> None:
    pass


def _to_stderr(text: str) -> None:
    # Who has closed it does not want to hear it.
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _forget(stream: Any) -> None:
    """What is still to be written would fail once more when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
