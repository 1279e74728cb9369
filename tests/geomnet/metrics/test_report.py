"""One call for all metrics of rollouts: each is that of its own function."""

import csv
import json

import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet import metrics

GAS = gn.Signature("density:0+ velocity:1+ pressure:0+")
SCALE = gn.Normaliser(GAS, (2.0, 0.0, 5.0), (0.5, 3.0, 2.0), 2)


def rollouts(seed: int) -> gn.GeometricImage:
    """Of 3 trajectories, 2 steps and 4 by 6 cells, in normalised units."""
    array = np.random.default_rng(seed).standard_normal((3, 2, 4, 6, 4)) / 2
    return gn.GeometricImage(GAS, array.astype(np.float32))


TRUE = rollouts(0)
PREDICTED = TRUE.with_array(TRUE.array + 0.1 * rollouts(1).array)


def restored(image: gn.GeometricImage) -> gn.GeometricImage:
    return image.with_array(SCALE.restore(image.array))


@pytest.fixture(scope="module")
def found() -> metrics.RolloutReport:
    return metrics.report(
        PREDICTED, TRUE, normaliser=SCALE, gamma=1.4, time_step=0.5, threshold=0.9
    )


def test_every_series_is_what_its_function_says_in_the_units_it_needs(found):
    pair = restored(PREDICTED), restored(TRUE)
    first = pair[1].with_array(pair[1].array[:, 0])
    expected = {
        # The SMSE in normalised units, all else in those of the data.
        "smse": metrics.smse(PREDICTED, TRUE),
        "nrmse": metrics.nrmse(*pair),
        "nrmse pressure": metrics.nrmse_per_field(*pair)["pressure"],
        "vrmse velocity": metrics.vrmse(*pair)["velocity"],
        "correlation density": metrics.correlation(*pair)["density"],
        "transverse error": metrics.helmholtz_error(*pair)["transverse"],
        "spectral error low": metrics.spectral_error(*pair)["low"],
        "share not positive density": metrics.nonpositive_share(pair[0])["density"],
        "drift momentum": metrics.drift(pair[0], gamma=1.4, reference=first)[
            "momentum"
        ],
        "true drift energy": metrics.drift(pair[1], gamma=1.4)["energy"],
    }
    for name, values in expected.items():
        assert found[name].shape == (3, 2)
        np.testing.assert_allclose(found[name], values, rtol=1e-3, atol=1e-6)
    ratio = metrics.energy_ratio(*pair)
    np.testing.assert_allclose(found.energy_ratio, ratio, rtol=1e-4)
    np.testing.assert_allclose(found.rollout_smse, found["smse"].sum(1))
    times = metrics.correlation_time(*pair, threshold=0.9, time_step=0.5)
    np.testing.assert_allclose(found.correlation_times["density"], times["density"])
    np.testing.assert_allclose(
        found.spread("smse").median, np.median(found["smse"], axis=0), rtol=1e-6
    )
    with pytest.raises(KeyError, match="there are: smse, nrmse, nrmse density"):
        found["energy"]


def test_it_is_written_as_text_json_and_csv(found, tmp_path):
    table = found.table()
    assert table == str(found)
    for text in ("3 rollouts of 2 steps", "vrmse velocity", "beyond the end", "step 2"):
        assert text in table
    kept = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    mean = found["smse"].mean(axis=0)
    np.testing.assert_allclose(kept["metrics"]["smse"]["mean"], mean, rtol=1e-6)
    assert kept["correlation_times"]["density"]["median"] is None
    assert kept["spectra"]["octaves"] == [1, 2, 4]
    found.to_csv(tmp_path / "report.csv")
    with open(tmp_path / "report.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    (row,) = (
        r
        for r in rows
        if (r["metric"], r["trajectory"], r["step"]) == ("vrmse velocity", "2", "1")
    )
    assert float(row["value"]) == found["vrmse velocity"][2, 0]
    assert float(row["time"]) == 0.5
    assert sum(r["metric"] == "correlation time pressure" for r in rows) == 3
    assert sum(r["metric"].startswith("energy ratio velocity") for r in rows) == 18


def test_a_rollout_that_diverged_is_reported(found):
    wrong = PREDICTED.with_array(PREDICTED.array.at[1, 1].set(jnp.inf))
    broken = metrics.report(wrong, TRUE, normaliser=SCALE, time_step=0.5)
    assert np.isfinite(broken.spread("vrmse density").median).all()
    json.dumps(broken.to_dict(), allow_nan=False)
    assert broken.correlation_times["density"][1] == 0.5
    assert not any("drift" in name for name in broken)
    assert "inf" in broken.table()


def test_fields_and_signatures_without_vectors_are_enough():
    scalars = gn.GeometricImage("c:0+", TRUE.array[..., :1], 2)
    found = metrics.report(scalars * 2.0, scalars)
    assert list(found) == ["smse", "nrmse", "nrmse c", "vrmse c", "correlation c"]
    assert found.energy_ratio is None
    assert "spectra" not in found.to_dict()
    assert "energy" not in found.table()


def test_what_can_not_be_compared_is_refused_with_the_mend():
    with pytest.raises(
        ValueError, match=r"predicted.with_array\(predicted.array\[:, :1"
    ):
        metrics.report(PREDICTED, TRUE.with_array(TRUE.array[:, :1]))
    with pytest.raises(ValueError, match="must be equal"):
        metrics.report(PREDICTED, TRUE.with_array(TRUE.array[:2]))
    with pytest.raises(ValueError, match=r"`true` must have shape \(trajectories"):
        metrics.report(PREDICTED, TRUE.with_array(TRUE.array[0]))
    other = gn.GeometricImage("density:0+ vorticity:1- pressure:0+", TRUE.array)
    with pytest.raises(ValueError, match="must have signature"):
        metrics.report(other, TRUE)
    with pytest.raises(ValueError, match="`fields` must name fields"):
        metrics.report(PREDICTED, TRUE, fields=["energy"])
    with pytest.raises(ValueError, match="`velocity` must name a vector"):
        metrics.report(PREDICTED, TRUE, velocity="density")
    scale = gn.Normaliser(gn.Signature("c:0+"), (0.0,), (1.0,), 2)
    with pytest.raises(ValueError, match="`normaliser` is of"):
        metrics.report(PREDICTED, TRUE, normaliser=scale)
    two = gn.GeometricImage("u:1+ w:1-", TRUE.array)
    with pytest.raises(ValueError, match="which of u, w"):
        metrics.report(two, two)
    flat = TRUE.with_array(TRUE.array.at[2, 0, ..., 3].set(0.1))
    with pytest.raises(ValueError, match="vrmse pressure has no value at trajectory 2"):
        metrics.report(PREDICTED, flat)
    metrics.report(PREDICTED, flat, fields=["density", "velocity"])
