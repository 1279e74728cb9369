"""The command line prints the report, and says what is wrong with bad input."""

import subprocess
import sys

import pytest

from geomnet import filter_basis, rotations
from geomnet.__main__ import main


def test_filters_prints_the_report(capsys):
    command = "filters --dim 2 --size 3 --type 1- --group rotations"
    assert main(command.split()) == 0
    out = capsys.readouterr().out
    assert out.strip() == filter_basis(rotations(2), "1-", 3).report()


def test_kernels_boxes_and_subspaces(capsys):
    command = ["filters", "--dim", "2", "--size", "3", "--type", "2s+", "--isotropic"]
    assert main([*command, "--traceless", "--max-radius", "1"]) == 0
    out = capsys.readouterr().out
    assert "subspace                 isotropic" in out
    assert "subspace                 traceless" in out
    box = ["filters", "--size", "2", "3", "--group", "reflections"]
    assert main([*box, "--from", "1+"]) == 0
    assert "0+ (scalar) <- 1+ (vector) on 2x3" in capsys.readouterr().out
    upright = "hyperoctahedral(2) x trivial(1)"
    assert main(["filters", "--group", upright, "--size", "3", "3", "2"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("filters --type q", "not a tensor type"),
        ("filters --group dihedral", "names no group"),
        ("filters --size 2 3", "exchanges axes"),
        ("filters --dim 4", "1, 2 or 3"),
        ("filters --dim 2 --group rotations(3)", "leave it out"),
        ("filters --group cyclic", "needs a number"),
        ("filters --traceless", "a trace needs two indices"),
    ],
)
def test_bad_input_is_told_without_a_traceback(arguments, message, capsys):
    assert main(arguments.split()) == 2
    assert message in capsys.readouterr().err


def test_the_module_runs_in_a_process_of_its_own():
    command = [
        sys.executable,
        "-m",
        "geomnet",
        "filters",
        "--size",
        "3",
        "--type",
        "1-",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "dimension by characters  2" in done.stdout


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, geomnet as gn\n"
        "gn.filter_basis(gn.hyperoctahedral(2), '1+', 3).array\n"
        "heavy = {'sympy', 'matplotlib', 'h5py'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "gn.molien_series(gn.hyperoctahedral(2), '1+')\n"
        "assert 'sympy' in sys.modules and 'matplotlib' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
