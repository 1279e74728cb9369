"""The network that ships: what it predicts, and the symmetries that it has."""

import importlib
import json

import equinox as eqx
import numpy as np
import pytest

import geomnet as gn

from .pages import ROOT

TRAINED = ROOT / "examples" / "trained"


@pytest.fixture(scope="module")
def trained():
    net, metadata = gn.load(TRAINED / "flow.geomnet")
    return net, metadata


@pytest.fixture(scope="module")
def history(trained):
    """Smooth fields of its sizes, on the grid that it was trained on."""
    flow, rng = trained[0].out_signature, np.random.default_rng(0)
    noise = rng.standard_normal((1, 5, 64, 64, flow.features(2)))
    waves = np.fft.fftfreq(64, 1 / 64)
    kept = np.hypot(waves[:, None], waves[None])[..., None] < 5
    frames = np.fft.ifft2(np.fft.fft2(noise, axes=(2, 3)) * kept, axes=(2, 3)).real
    frames *= 0.1 / frames.std()
    frames[..., :2] += 1  # Density and pressure.
    histories, _ = gn.Windows(flow, frames.astype(np.float32), 4).take(np.array([0]))
    return histories.with_array(histories.array[0])


@pytest.mark.slow
def test_it_predicts_flows_that_it_has_not_seen(tmp_path, monkeypatch):
    """As the example prints and draws: not twice as ill as those of its metrics."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    example = importlib.import_module("predict_flow")
    errors = example.main(example.Settings(out=tmp_path / "flow.png"))
    measured = json.loads((TRAINED / "flow.json").read_text())
    for name, steps in measured["rollout_vrmse"].items():
        assert len(errors[name]) == 15
        assert errors[name][0] < 2 * steps[0]
        assert errors[name][-1] < 2 * steps[-1] < 1
    assert (tmp_path / "flow.png").stat().st_size > 10_000


@pytest.mark.slow
def test_the_picture_of_the_readme_is_drawn(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    example = importlib.import_module("front_page")
    settings = example.Settings(out=tmp_path / "front.png", flows=3)
    figure = example.main(settings)
    left, right = figure.subfigs
    assert len(left.axes) == 3
    assert len(right.axes) == 2 * len(example.SHOWN) + 1
    assert settings.out.stat().st_size > 50_000


def test_it_is_equivariant_after_training(trained, history):
    gn.testing.assert_equivariant(trained[0], history, shift=1)


def test_it_knows_no_units_after_training(trained, history):
    net, _ = trained
    units = net.normaliser.units
    free = eqx.filter_jit(gn.Nondimensional(net.model, net.normaliser))
    gn.testing.assert_units_covariant(free, history, units, net.parameters)


def test_it_is_small_and_says_how_it_was_made(trained):
    assert (TRAINED / "flow.geomnet").stat().st_size < 1_000_000
    measured = json.loads((TRAINED / "flow.json").read_text())
    assert trained[1]["settings"] == measured["settings"]
    assert "compressible_navier_stokes.py" in measured["command"]
