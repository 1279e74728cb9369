"""Every picture of the repository from one command.

    python docs/make_pictures.py                       # all that take minutes
    python docs/make_pictures.py --only front gallery  # these
    python docs/make_pictures.py --list

Each is made by an example, a benchmark or a command, in a folder of its own, and takes
the old one's place when that has ended well. Skipped unless they are named: runs whose
figures stand in the text, which must be written anew with them.
"""

import argparse
import dataclasses
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclasses.dataclass(frozen=True)
class Making:
    """How some pictures are made."""

    command: str
    """For Python, from the root of a checkout; `{out}` is an empty folder."""
    pictures: Mapping[str, str]
    """By what the command calls them in that folder, where they belong."""
    minutes: float | None
    """What it takes on two cores; `None` where nobody has looked."""
    given: tuple[str, ...] = ()
    """Files that lie in the folder before."""
    few_colours: bool = False
    """Kept in 256 colours: a clone carries each version of a large file for ever."""
    by_name_because: str = ""
    """Why it is made only if it is named."""


MAKINGS = {
    "front": Making(
        "examples/front_page.py --out {out}/front.png",
        {"front.png": "docs/front.png"},
        minutes=1,
    ),
    "gallery": Making(
        "examples/gallery.py --out {out}/gallery.png",
        {"gallery.png": "docs/gallery.png"},
        minutes=4,
        few_colours=True,
    ),
    "study": Making(
        "examples/study.py --budget 0 --out {out}",
        {
            f"{name}.png": f"docs/study/{name}.png"
            for name in ("trajectories_mach_0.1", "trajectories_mach_1")
        },
        minutes=0.5,
        given=("docs/study/rows.jsonl",),
    ),
    "study-cpu": Making(
        "examples/study.py --budget 0 --out {out}",
        {"training_steps.png": "docs/study/cpu/training_steps.png"},
        minutes=0.5,
        given=("docs/study/cpu/rows.jsonl",),
    ),
    "flows": Making(
        "-m pde_data verify --only kelvin-helmholtz --out {out}",
        {"flows.png": "docs/verification-flows.png"},
        minutes=3,
    ),
    "convergence": Making(
        "-m pde_data verify --out {out}",
        {"convergence.png": "docs/verification-convergence.png"},
        minutes=17,
        few_colours=True,
        by_name_because="the table of docs/verification.md is of the same run",
    ),
    "rollout": Making(
        "examples/compressible_navier_stokes.py --out {out}",
        {"rollout.png": "docs/rollout.png"},
        minutes=14,
        by_name_because="the README's table is of the same run",
    ),
    "scaling": Making(
        "benchmarks/scaling.py --out {out}/scaling.png",
        {"scaling.png": "docs/scaling.png"},
        minutes=None,
        by_name_because="it measures this machine, and benchmarks/README.md cites it",
    ),
    "cost-per-accuracy": Making(
        "benchmarks/solver.py --only accuracy --plot {out}/cost-per-accuracy.png",
        {"cost-per-accuracy.png": "docs/cost-per-accuracy.png"},
        minutes=5,
        by_name_because="it measures this machine, and benchmarks/solver.md cites it",
    ),
}


def make(making: Making, root: Path = ROOT) -> float:
    """Makes pictures and puts them where they belong; returns the minutes it took.

    **Raises:** `RuntimeError` if the command fails or leaves one out; old ones stay.
    """
    with tempfile.TemporaryDirectory() as out:
        for name in making.given:
            shutil.copy(root / name, out)
        command = [sys.executable, *shlex.split(making.command.format(out=out))]
        paths = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
        variables = {**os.environ, "PYTHONPATH": paths, "MPLBACKEND": "Agg"}
        began = time.monotonic()
        run = subprocess.run(command, cwd=root, env=variables, check=False)
        minutes = (time.monotonic() - began) / 60
        missing = [name for name in making.pictures if not Path(out, name).is_file()]
        if run.returncode or missing:
            raise RuntimeError(
                f"{shlex.join(command)} ended with {run.returncode}"
                + (f" and did not make {', '.join(missing)}." if missing else ".")
            )
        for name, place in making.pictures.items():
            if making.few_colours:
                reduce_colours(Path(out, name))
            shutil.copy(Path(out, name), root / place)
    return minutes


def reduce_colours(path: Path) -> None:
    """A PNG in 256 colours, in its own place."""
    from PIL import Image

    options = {"method": Image.Quantize.MEDIANCUT, "dither": Image.Dither.NONE}
    Image.open(path).convert("RGB").quantize(256, **options).save(path, optimize=True)


def chosen(names: Sequence[str]) -> list[str]:
    """Those named, or all that need no name."""
    return list(names) or [n for n, m in MAKINGS.items() if not m.by_name_because]


def main(arguments: list[str] | None = None) -> int:
    """Makes what is asked for; 1 if something failed, after all the rest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=MAKINGS, default=[])
    parser.add_argument("--list", action="store_true", help="what there is")
    options = parser.parse_args(arguments)
    wanted = [] if options.list else chosen(options.only)
    failed = False
    for name, making in MAKINGS.items():
        places = ", ".join(making.pictures.values())
        skipped = f"; only by name: {making.by_name_because}"
        reason = skipped if making.by_name_because and name not in wanted else ""
        if name in wanted or not options.only:
            known = making.minutes is not None
            takes = f"about {making.minutes:g} minutes" if known else "not timed yet"
            said = f"{name}: {places}, {takes}{reason}"
            print(said, flush=True)
        if name in wanted:
            try:
                print(f"{name}: made in {make(making):.1f} minutes", flush=True)
            except RuntimeError as error:
                print(f"{name}: {error}", file=sys.stderr)
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
