"""What must be in a wheel and in an sdist, and what must not.

python .ci/package_content.py dist/*.whl dist/*.tar.gz
"""

import sys
import tarfile
import zipfile
from collections.abc import Iterable

IN_WHEEL = (
    "geomnet/__init__.py",
    "geomnet/py.typed",
    "pde_data/__init__.py",
    "pde_data/py.typed",
    "geomnet_pytest.py",
)
IN_SDIST = (
    *IN_WHEEL,
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "tests/conftest.py",
    "docs/index.md",
    "docs/notebooks/filters.ipynb",
    "examples/trained/flow.geomnet",
    ".ci/package",
    ".github/oldest.txt",
)
PLUGIN = "[pytest11]\ngeomnet = geomnet_pytest"


def wrong_in_wheel(names: Iterable[str], entry_points: str) -> list[str]:
    """What a wheel lacks, and what is in it besides the packages."""
    there = set(names)
    wrong = [f"no {name}" for name in IN_WHEEL if name not in there]
    if not any(name.endswith("licenses/LICENSE") for name in there):
        wrong.append("no licence")
    if PLUGIN not in entry_points:
        wrong.append("no plugin for pytest")
    for name in sorted(there):
        top = name.split("/")[0]
        ours = top in ("geomnet", "pde_data", "geomnet_pytest.py")
        if not (ours or top.endswith(".dist-info")) or "__pycache__" in name:
            wrong.append(f"{name} besides")
    return wrong


def wrong_in_sdist(names: Iterable[str]) -> list[str]:
    """What an sdist lacks, and what is in it that is made anew."""
    there = {name.partition("/")[2] for name in names}
    wrong = [f"no {name}" for name in IN_SDIST if name not in there]
    made = ("__pycache__", ".venv", "outputs/", "site/", ".git/")
    return wrong + [f"{n} besides" for n in sorted(there) if any(m in n for m in made)]


def main(wheel: str, sdist: str) -> int:
    """Prints what is wrong; 1 if anything is."""
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        texts = [file.read(n).decode() for n in names if n.endswith("entry_points.txt")]
    wrong = wrong_in_wheel(names, "".join(texts))
    with tarfile.open(sdist) as file:
        wrong += wrong_in_sdist(file.getnames())
    for line in wrong:
        print(line, file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
