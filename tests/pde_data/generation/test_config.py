import dataclasses
import sys

import numpy as np
import pytest

import pde_data
from pde_data.generation._catalogue import repeats_setting, settings_in_words
from pde_data.generation._settings import Choice, Number


def test_a_configuration_survives_its_text():
    config = pde_data.GenerateConfig(
        grid=(8, 8), mach=(0.1, 1.0), prandtl_number=0.7, compression="gzip"
    )
    assert pde_data.GenerateConfig.from_json(config.to_json()) == config


def test_the_batch_does_not_make_another_file():
    one = pde_data.GenerateConfig(batch=1)
    assert one.differences(pde_data.GenerateConfig(batch=4)) == {}
    assert "seed" in one.differences(pde_data.GenerateConfig(seed=1))


def test_the_times_end_exactly_at_the_final_time():
    config = pde_data.GenerateConfig(snapshots=21, final_time=1.0)
    assert len(config.times) == 21
    assert (config.times[0], config.times[-1]) == (0.0, 1.0)
    assert config.interval == pytest.approx(0.05)


def test_a_configuration_of_a_later_version_is_refused():
    text = pde_data.GenerateConfig().to_json().replace('"seed"', '"turbulence_model"')
    with pytest.raises(ValueError, match="turbulence_model"):
        pde_data.GenerateConfig.from_json(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("grid", (2, 2)),
        ("mach", -0.1),
        ("mach", (1.0, 0.1)),
        ("shear_viscosity", float("nan")),
        ("trajectories", 0),
        ("snapshots", 1),
        ("seed", -1),
        ("seed", 2**63),
        ("final_time", 0.0),
        ("gamma", 1.0),
        ("dtype", "float16"),
        ("format", "csv"),
        ("compression", "zip"),
        ("refinement", 0),
        ("courant_number", 2.0),
    ],
)
def test_a_field_without_meaning_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=f"`{field}`"):
        pde_data.GenerateConfig(**{field: value})


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (Number(0, 1), "0.5", "a number, got '0.5'"),
        (Number(0, 1), True, "a number, got True"),
        (Number(0, 1), None, "a number, got None"),
        (Number(1, 9, whole=True), 2.0, r"a whole number, got 2\.0"),
        (Number(1, 9, whole=True), 10, "a whole number from 1 to 9, got 10"),
        (Number(0.0, 1.0), 10**400, "from 0 to 1, got 1000"),
        (Number(1, 2**63 - 1, whole=True), 0, r"from 1 to 2\*\*63 - 1, got 0"),
        (Number(0, 1, listed=True), (0.5, 2), r"from 0 to 1, got \(0.5, 2\)"),
        (Number(0, 9, drawn=True), (2, 1), r"low < high, got \(2, 1\)"),
        (Number(0, 9, drawn=True), (0, 1), r"low < high, got \(0, 1\)"),
        (Number(0, 9, drawn=True), (1, 2, 3), r"low < high, got \(1, 2, 3\)"),
    ],
)
def test_what_is_no_number_of_a_setting_is_said(kind, value, words):
    with pytest.raises(ValueError, match=f"`x` must be .*{words}"):
        kind.checked("x", value)


def test_a_range_of_one_number_is_that_number():
    drawn = Number(0, 9, drawn=True)
    assert drawn.checked("x", [2]) == 2
    assert drawn.checked("x", (1, 2)) == (1, 2)
    assert Number(0, 9, listed=True).checked("x", 2) == (2,)
    assert Number(0, 9, optional=True).checked("x", None) is None
    assert Number(0, 9, whole=True).checked("x", np.int64(3)) == 3


@pytest.mark.parametrize(
    ("given", "meant"),
    [("eta", "shear_viscosity"), ("shear_viscosty", "shear_viscosity")],
)
def test_a_field_that_there_is_not_is_refused_with_the_nearest(given, meant):
    with pytest.raises(TypeError, match=f"no field `{given}`. Did you mean {meant}?"):
        pde_data.GenerateConfig(**{given: 0.1})  # pyright: ignore


@pytest.mark.parametrize("field", dataclasses.fields(pde_data.GenerateConfig))
def test_every_setting_has_words_and_bounds_that_are_themselves_allowed(field):
    kind = field.metadata["kind"]
    assert field.metadata["text"]
    if isinstance(kind, Choice):
        assert all(kind.checked("x", name) == name for name in kind.names())
        return
    step = 1 if kind.whole else 0.5
    for bound, outside in ((kind.least, -step), (kind.most, step)):
        value = bound if kind.whole else float(bound)
        held = kind.checked("x", (value,) if kind.listed else value)
        assert held == ((value,) if kind.listed else value)
        with pytest.raises(ValueError, match=f"`{field.name}` must be"):
            kind.checked(field.name, value + outside)


def test_a_file_of_a_range_is_described_without_a_number_that_is_none():
    config = pde_data.GenerateConfig(mach=(0.1, 1.0), extent=(1.0, 2.0))
    words = settings_in_words(config)
    assert words["mach"] == "0.1 to 1, log-uniform"
    assert words["extent"] == "1 x 2"
    assert {"family", "scheme", "refinement", "shear_viscosity"} <= set(words)
    assert repeats_setting("M", np.nan, config)
    assert repeats_setting("eta", 0.01, config)
    # What differs from the settings, or is none of them, is shown.
    assert not repeats_setting("mach", np.array([0.2, 0.3]), config)
    assert not repeats_setting("eta", 0.02, config)
    assert not repeats_setting("times", np.nan, config)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"grid": (4,) * 4}, "`grid` must have 1 to 3 axes of at least 4 cells"),
        ({"grid": (8,), "family": "stirred"}, "at least 2 axes for the family stirred"),
        (
            {"extent": (1.0, 2.0, 3.0)},
            r"`extent` must be one number or one per axis \(2",
        ),
        ({"shard": (2, 1), "trajectories": 4}, r"`shard` must be \(i, n\) with 1 <= i"),
        (
            {"shard": (1, 5), "trajectories": 4},
            r"more parts than there are .*\(4\), got 5",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        pde_data.GenerateConfig(**settings)


def test_a_box_of_equal_lengths_is_one_number():
    given = [pde_data.GenerateConfig(extent=extent) for extent in (2.0, (2.0, 2.0))]
    assert given[0] == given[1]
    assert given[0].extent == 2.0
    assert pde_data.GenerateConfig(extent=(2.0, 3.0)).extent == (2.0, 3.0)


def test_files_end_as_hdf5_and_a_bar_needs_its_package(tmp_path, monkeypatch):
    config = pde_data.GenerateConfig(grid=(8, 8))
    with pytest.raises(ValueError, match=r"`path` must end with one of .*flow\.csv"):
        pde_data.generate(config, tmp_path / "flow.csv")
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"`progress=True` needs tqdm: pip install"):
        pde_data.generate(config, tmp_path / "flow.hdf5", progress=True)
    assert list(tmp_path.iterdir()) == []
