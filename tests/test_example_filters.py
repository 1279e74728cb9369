"""The example of the filters runs in a process of its own, and its claim holds."""

import importlib.util

import numpy as np

import geomnet as gn

from .pages import ROOT, run_python

EXAMPLE = ROOT / "examples" / "filters.py"


def load():
    spec = importlib.util.spec_from_file_location("example_filters", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_draws_all_its_pictures(tmp_path):
    said = run_python(str(EXAMPLE), "--out", str(tmp_path), cwd=tmp_path)
    names = {
        f"{n}_{s}x{s}.png" for n in ("scalar", "vector", "pseudovector") for s in (3, 5)
    }
    assert {file.name for file in tmp_path.iterdir()} == names | {"convolved.png"}
    assert all(file.stat().st_size > 5000 for file in tmp_path.iterdir())
    assert "rotated gradient" in said


def test_results_of_the_mirror_image_are_turned_around_once_more():
    example = load()
    group = gn.hyperoctahedral(2)
    f = example.blobs(24)
    pseudoscalar = gn.filter_basis(group, "0-", 5).array[0]
    result, mirrored = (example.convolve(g, pseudoscalar) for g in (f, f[::-1]))
    np.testing.assert_allclose(mirrored, -result[::-1], atol=1e-12)
    assert np.abs(result).max() > 1e-3
    pseudovector = gn.filter_basis(group, "1-", 3).array[0]
    result, mirrored = (example.convolve(g, pseudovector) for g in (f, f[::-1]))
    # det = -1 times the mirror of a vector: x keeps its sign, y changes.
    np.testing.assert_allclose(mirrored, result[::-1] * [1, -1], atol=1e-12)
    vector = gn.filter_basis(group, "1+", 3).array[0]
    result, mirrored = (example.convolve(g, vector) for g in (f, f[::-1]))
    np.testing.assert_allclose(mirrored, result[::-1] * [-1, 1], atol=1e-12)
