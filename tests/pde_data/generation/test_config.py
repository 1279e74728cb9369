import pytest

import pde_data


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
