"""Ctrl-C while `python -m` imports the package ends it at once, without a traceback.

Nothing is begun then that would have to be ended in order. So this is imported before
all else, and imports little. The same file is in `geomnet` and in `pde_data`, which do
not import each other.
"""

import signal
import sys


def is_command() -> bool:
    """Whether this process is `python -m` of this package, and of no other."""
    words = sys.orig_argv[-len(sys.argv) :]
    name = words[0] if words else ""
    is_joined = name.startswith("-") and name.endswith(f"m{__package__}")
    return name == __package__ or is_joined


def end_at_once() -> None:
    """From now on Ctrl-C ends the process, unless it does something else already."""
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_in_order() -> None:
    """From now on Ctrl-C is a `KeyboardInterrupt`, as it was before `end_at_once`."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# Python's own name for a module that it has yet to find.
if sys.argv[:1] == ["-m"] and is_command():
    end_at_once()
