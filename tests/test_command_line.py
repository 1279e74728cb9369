"""The mechanics that both command lines share: JSON, files that are whole, bars, pipes
and Ctrl-C.
"""

import contextlib
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from pde_data import _command_line
from pde_data._command_line import Answer, add_command, program, run_command
from pde_data._progress import watched

from .pages import ROOT, as_a_user

PACKAGES = ("geomnet", "pde_data")


def shared() -> list[str]:
    """The names of the files at the roots of both packages, but for their doors."""
    names = [{path.name for path in (ROOT / p).glob("_[a-z]*.py")} for p in PACKAGES]
    return sorted(set.intersection(*names))


def test_what_both_packages_have_is_the_same():
    """They do not import each other, so that files are there twice."""
    assert {"_command_line.py", "_json.py", "_interrupt.py"} <= set(shared())
    for name in shared():
        first, second = ((ROOT / p / name).read_text() for p in PACKAGES)
        assert first == second, name


@pytest.mark.parametrize("package", PACKAGES)
def test_json_is_valid_and_numbers_are_there_in_full(package):
    json_text = importlib.import_module(f"{package}._json").json_text
    value = {
        "odd": [float("nan"), np.inf, -jnp.inf, np.float32("nan")],
        "numbers": (1 / 3, np.float32(0.1), np.int64(2**60), True, np.bool_(False)),
        "arrays": [np.eye(2), jnp.arange(3), np.array([np.nan]), np.float64(1e-300)],
        "texts": [Path("a"), b"b\xff", np.str_("c"), "\ud800", None, 1j],
        3: Answer(np.longdouble(0.5)),
    }
    found = json.loads(json_text(value), parse_constant=pytest.fail)
    assert found["odd"] == ["NaN", "Infinity", "-Infinity", "NaN"]
    assert float(found["odd"][2]) == -np.inf
    assert found["numbers"] == [1 / 3, float(np.float32(0.1)), 2**60, True, False]
    assert found["arrays"] == [[[1, 0], [0, 1]], [0, 1, 2], ["NaN"], 1e-300]
    assert found["texts"] == ["a", r"b\xff", "c", "\ud800", None, "1j"]
    assert found["3"]["code"] == 0


@pytest.mark.parametrize("package", PACKAGES)
def test_a_file_is_there_whole_or_as_it_was(package, tmp_path):
    whole = importlib.import_module(f"{package}._whole_file").whole
    path = tmp_path / "report.json"
    for content, stop in (
        ("first", None),
        ("second", KeyboardInterrupt),
        ("x", OSError),
    ):
        with contextlib.suppress(KeyboardInterrupt, OSError), whole(path) as staging:
            assert staging.suffix == ".json"
            staging.write_text(content)
            if stop:
                raise stop
        assert path.read_text() == "first"
        assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError, match="no folder"), whole(path / "no" / "a"):
        pass
    # A link is followed, and what is no ordinary file is not replaced.
    link = tmp_path / "link.json"
    link.symlink_to(path)
    with whole(link) as staging:
        staging.write_text("by the link")
    assert link.is_symlink()
    assert path.read_text() == "by the link"
    with whole(os.devnull) as same:
        assert same == Path(os.devnull)


def one_command(run, interrupted="Interrupted."):
    parser, commands = program("pde_data", "What is tested.")
    command = add_command(commands, "try", run, "Try it.")
    command.set_defaults(interrupted=interrupted)
    return parser


@pytest.mark.parametrize(
    "words", [["try"], ["try", "--json"], ["try", "--json", "FILE"]]
)
def test_ctrl_c_is_a_word_and_code_130_and_leaves_files_as_they_were(
    words, tmp_path, capsys, monkeypatch
):
    report = tmp_path / "report.json"
    report.write_text("{}")
    words = [str(report) if word == "FILE" else word for word in words]

    def stop(*_):
        raise KeyboardInterrupt

    assert run_command(one_command(stop, "It goes on."), words) == 130
    assert capsys.readouterr() == ("", "\nIt goes on.\n")
    # While the result is said, too.
    monkeypatch.setattr(_command_line, "json_text", stop)
    monkeypatch.setattr(_command_line, "_print", stop)

    def answer(_options, say):
        say("found")
        return Answer({})

    assert run_command(one_command(answer), words) == 130
    assert capsys.readouterr().err == "\nInterrupted.\n"
    assert report.read_text() == "{}"
    assert list(tmp_path.iterdir()) == [report]


def test_what_is_no_fault_of_the_user_is_shown_as_it_is():
    def broken(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_command(one_command(broken), ["try"])


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        (b"", True),
        (b'{"a": 1}', True),
        (b"[1]\n", True),
        (b"\x89HDF", False),
        (b'{"a": 1}\n\xff\x00', False),
        (b"1,2", False),
        (b"[" * 10**5, False),
    ],
)
def test_only_json_is_overwritten(content, taken, tmp_path, capsys):
    path = tmp_path / "file"
    path.write_bytes(content)
    parser = one_command(lambda options, say: Answer([1]))
    assert run_command(parser, ["try", "--json", str(path)]) == (0 if taken else 2)
    assert path.read_bytes() == (b"[\n 1\n]\n" if taken else content)
    assert ("put `--json` last" in capsys.readouterr().err) != taken


def test_results_and_complaints_can_not_steer_a_terminal(capsys):
    def run(_options, say):
        say("a\x1b[31m\nb é")
        raise ValueError("c\x1b[31m\nd")

    assert run_command(one_command(run), ["try"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("a\\x1b[31m\nb é\n", "error: c\\x1b[31m\\nd\n")


@pytest.mark.parametrize("words", [["try"], ["try", "--json"]])
def test_a_reader_that_goes_away_ends_it_in_silence(words, monkeypatch, capsys):
    def run(_options, say):
        say("found")
        return Answer({})

    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        assert run_command(one_command(run), words) == 0
        # Nothing is left to be written that would fail when Python ends.
        gone.write("more")
        gone.flush()
    monkeypatch.undo()
    assert capsys.readouterr().err == ""


def test_a_bar_is_shown_on_a_terminal_alone(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, progress, shown in (
        (Terminal(), True, True),
        (Terminal(), False, False),
        (io.StringIO(), True, False),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        assert list(watched(range(3), "tries", progress)) == [0, 1, 2]
        assert ("tries" in stream.getvalue()) == shown
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert list(watched(range(3), "tries", True)) == [0, 1, 2]


# In place of the first library that is imported: Ctrl-C, and time for it to be seen.
STOPPED = """
import os, signal, time
os.kill(os.getpid(), signal.SIGINT)
time.sleep(20)
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_ctrl_c_while_it_is_imported_is_no_traceback(package, tmp_path):
    for name in ("jax", "numpy", "equinox", "jaxtyping"):
        (tmp_path / f"{name}.py").write_text(STOPPED)
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])

    def run(*words: str) -> subprocess.CompletedProcess:
        environment = {**os.environ, "PYTHONPATH": paths}
        command = [sys.executable, *words]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=tmp_path
        )

    done = run("-m", package, "list")
    # Ended by the signal, for which shells say 130.
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
    # Who imports it in a program of their own has Ctrl-C as it was.
    assert "KeyboardInterrupt" in run("-c", f"import {package}").stderr
    (tmp_path / "other.py").write_text(f"import {package}")
    assert "KeyboardInterrupt" in run("-m", "other").stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_the_doors_are_programs(package):
    door = (ROOT / package / "__main__.py").read_text()
    assert door.endswith('if __name__ == "__main__":\n    as_program(main)\n')
    first = (ROOT / package / "__init__.py").read_text().index("import ")
    assert (
        (ROOT / package / "__init__.py")
        .read_text()[first:]
        .startswith("import _interrupt as _interrupt")
    )


def start(*words: str, stdout: int = subprocess.PIPE) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=as_a_user(),
    )


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
def test_as_processes_they_end_with_their_code_and_no_traceback(package, tmp_path):
    process = start(package, "list")
    assert process.stdout is not None
    process.stdout.close()
    assert process.communicate()[1] == ""
    assert process.returncode == 0
    if Path("/dev/full").exists():
        with open("/dev/full", "w") as full:
            process = start(package, "list", stdout=full.fileno())
            assert "No space left" in process.communicate()[1]
            assert process.returncode == 2
    process = start(package, "lst")
    assert "Did you mean list?" in process.communicate()[1]
    assert process.returncode == 2


@pytest.mark.slow
def test_ctrl_c_at_any_time_is_no_traceback_and_leaves_no_part_of_a_file(tmp_path):
    out = tmp_path / "flow.hdf5"
    words = ["pde_data", "generate", "--out", str(out), "--grid", "8", "8"]
    for seconds in (1, 3, 6, 9):
        process = start(*words, "--json", str(tmp_path / "made.json"))
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        assert process.returncode in (130, -signal.SIGINT, 0), err
        assert "Traceback" not in err
        names = {path.name for path in tmp_path.iterdir()}
        assert names <= {"flow.hdf5", "flow.hdf5.partial", "made.json"}
        assert ("made.json" in names) <= ("flow.hdf5" in names)
