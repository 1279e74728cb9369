"""Pages and examples as their readers run them: in a process of its own."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Compiling is the cost of short programs, and XLA compiles twice as fast so. For tests
# of what a program does, not of its bits.
QUICKLY = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}


def as_a_user(**environment: str) -> dict[str, str]:
    """The environment of a process that finds the packages of this tree."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": paths, **QUICKLY, **environment}


def blocks_of(page: str, language: str = "python") -> list[str]:
    """The blocks of code of a page of `docs/`, in order."""
    return [text for kind, text in _fenced(page) if kind == language]


def _fenced(page: str) -> list[tuple[str, str]]:
    text = (ROOT / "docs" / page).read_text()
    return re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def as_program(page: str, commands: bool = True) -> str:
    """A page as one program: its Python, and its commands as calls, in order."""
    program = []
    for language, text in _fenced(page):
        if language == "python":
            program.append(text)
        elif commands and not language:
            program += [call(shlex.split(line)) for line in text.splitlines()]
    return "\n".join(program)


def call(words: list[str]) -> str:
    """A command, in words, as Python that runs it in this process."""
    if words[0] == "mkdir":
        return f"__import__('os').makedirs({words[-1]!r}, exist_ok=True)"
    known = words[:2] == ["python", "-m"] and words[2] in ("geomnet", "pde_data")
    assert known, f"a command that no test can run: {words}"
    module = f"__import__('importlib').import_module('{words[2]}.__main__')"
    return f"assert {module}.main({words[3:]}) == 0"


def pages() -> list[str]:
    """Every page of `docs/`, such as `"concepts/types.md"`."""
    docs = ROOT / "docs"
    return sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))


def pages_in(folder: str) -> list[str]:
    """The pages in a folder of `docs/`, of which there are some."""
    found = [page for page in pages() if page.startswith(f"{folder}/")]
    assert len(found) > 1, folder
    return found


def run_page(
    page: str, cwd: Path, least: int = 1, commands: bool = True, **environment: str
) -> str:
    """Runs what is on a page, `least` blocks of Python or more, as one program; returns
    what it prints.
    """
    assert len(blocks_of(page)) >= least, page
    return run_python("-c", as_program(page, commands), cwd=cwd, **environment)


def run_pages(names: Iterable[str], cwd: Path, **environment: str) -> str:
    """Runs pages behind each other in one process, so that packages are imported once.

    Each has names of its own; what fails is told with its page and line.
    """
    programs = {name: as_program(name) for name in names}
    assert programs
    assert all(map(blocks_of, programs))
    script = (
        "import traceback\n"
        f"for page, program in {programs!r}.items():\n"
        "    try:\n"
        "        exec(compile(program, page, 'exec'), {'__name__': page})\n"
        "    except BaseException:\n"
        "        traceback.print_exc()\n"
        "        raise SystemExit(f'{page} does not run')\n"
    )
    return run_python("-c", script, cwd=cwd, **environment)


def run_python(*arguments: str, cwd: Path, **environment: str) -> str:
    """What Python prints, with every warning an error; fails with what it says."""
    run = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=as_a_user(**environment),
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
