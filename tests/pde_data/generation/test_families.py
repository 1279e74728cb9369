"""Families are documented values, and show what they are there for."""

import contextlib
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data import _cli
from pde_data.generation._catalogue import GOOD_FOR
from pde_data.generation._families import Family

FAMILIES = pde_data.FAMILIES


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_says_what_it_is(name):
    family = FAMILIES[name]
    assert 20 < len(family.summary) < 80
    assert "0x" not in repr(family)
    assert "lambda" not in repr(family)
    assert all(value > 0 for value in family.settings.values())
    # The defaults of `draw` are good values, and no other argument is there.
    assert all(isinstance(v, (int, float)) for v in family.parameters.values())
    described = family.draw.__doc__ or ""
    assert ("**Reference:**" in described) == bool(family.source)


def test_the_families_least_axes_are_those_of_their_states():
    for family in FAMILIES.values():
        line = pde_data.CompressibleNavierStokes(
            (8,), boundary=family.boundary(1), forcing=family.forcing
        )
        needs_plane = pytest.raises(ValueError, match="axes")
        with contextlib.nullcontext() if family.least_axes == 1 else needs_plane:
            jax.eval_shape(lambda f=family, s=line: forced(f, s))


def forced(family, solver):
    """The force on a start."""
    start = family.draw(solver, jax.random.key(0), mach=0.3)
    if family.forcing is not None:
        return family.forcing(start, solver.grid, jnp.zeros(()))
    return start


def test_the_settings_of_a_family_hold_where_none_are_given():
    for name, family in FAMILIES.items():
        config = pde_data.GenerateConfig(family=name)
        assert {key: getattr(config, key) for key in family.settings} == family.settings
    given = pde_data.GenerateConfig(
        family="blast", mach=0.2, shear_viscosity=0.0, final_time=1.0
    )
    assert (given.mach, given.shear_viscosity, given.final_time) == (0.2, 0.0, 1.0)
    assert given.bulk_viscosity == FAMILIES["blast"].viscosity


def test_the_command_line_lists_all_there_is_and_scripts_can_read_it(capsys):
    assert _cli.main(["families"]) == 0
    text = capsys.readouterr().out
    assert _cli.main(["families", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert list(data["families"]) == list(FAMILIES)
    assert list(data["schemes"]) == list(pde_data.SCHEMES) == list(GOOD_FOR)
    assert list(data["formats"]) == list(pde_data.formats.FORMATS)
    for kind in data.values():
        for name, said in kind.items():
            assert f"  {name}: " in text
            assert said.get("summary", "") in text
    # What is listed is what the command line takes.
    for name, said in data["families"].items():
        pde_data.GenerateConfig(family=name, **said["settings"])


def test_a_family_of_ones_own_is_generated_by_its_name(monkeypatch):
    own = Family(pde_data.initial.acoustic_pulses, "mine", mach=0.01, final_time=0.1)
    monkeypatch.setitem(FAMILIES, "mine", own)
    config = pde_data.GenerateConfig(family="mine", grid=(8,))
    assert (config.mach, config.final_time) == (0.01, 0.1)
    text = config.to_json()
    monkeypatch.delitem(FAMILIES, "mine")
    # Its file is still read where it is not registered, but it can't be made there.
    assert pde_data.GenerateConfig.from_json(text).family == "mine"
    with pytest.raises(ValueError, match="register it"):
        pde_data.simulate_trajectory(pde_data.GenerateConfig.from_json(text), 0)
    with pytest.raises(ValueError, match="`family` must be one of"):
        pde_data.GenerateConfig(family="mine")


def growth(name, component, **settings):
    """The largest velocity across the layers, at the end over the start, and where."""
    config = pde_data.GenerateConfig(
        family=name, grid=(32, 32), snapshots=2, **settings
    )
    velocity = pde_data.simulate_trajectory(config, 0).velocity
    across = np.abs(velocity[..., component])
    place = np.unravel_index(np.argmax(across[-1]), across[-1].shape)
    return float(across[-1].max() / across[0].max()), place


@pytest.mark.parametrize(
    "name",
    [pytest.param("kelvin_helmholtz", marks=pytest.mark.slow), "rayleigh_taylor"],
)
def test_an_instability_grows_at_its_own_settings_and_diffuses_at_others(name):
    grown, (_, height) = growth(name, 1)
    assert grown > 4
    # The plumes are fastest, and no wall.
    assert name != "rayleigh_taylor" or 2 <= height <= 29
    # The viscosity of the random states.
    viscous, _ = growth(name, 1, shear_viscosity=0.01, bulk_viscosity=0.01)
    assert viscous < 0.5 * grown
