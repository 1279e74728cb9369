"""What a family's box keeps: from its boundaries and its force, and nothing unknown."""

import dataclasses

import pytest

import pde_data
from pde_data.generation._box import (
    boundary_names,
    check_family,
    is_forced,
    kept_totals,
)

CONFIG = pde_data.GenerateConfig(grid=(8, 8))


@pytest.mark.parametrize(
    ("family", "names", "kept"),
    [
        ("random_fourier", ["periodic", "periodic"], ("mass", "momentum", "energy")),
        # A force gives momentum and energy, a wall takes momentum.
        ("stirred", ["periodic", "periodic"], ("mass",)),
        ("rayleigh_taylor", ["periodic", "wall"], ("mass",)),
        ("implosion", ["wall", "wall"], ("mass",)),
    ],
)
def test_a_box_keeps_what_can_not_leave_it(family, names, kept):
    config = dataclasses.replace(CONFIG, family=family)
    assert boundary_names(config) == names
    assert kept_totals(config) == kept
    check_family(config)


def test_an_open_box_keeps_nothing(monkeypatch):
    own = dataclasses.replace(pde_data.FAMILIES["random_fourier"], box="open")
    monkeypatch.setitem(pde_data.FAMILIES, "own", own)
    config = dataclasses.replace(CONFIG, family="own")
    assert boundary_names(config) == ["open", "open"]
    assert kept_totals(config) == ()


def test_of_a_family_that_is_not_known_nothing_is_claimed(monkeypatch):
    """A file may be made where more families are registered than here."""
    own = dataclasses.replace(pde_data.FAMILIES["random_fourier"])
    with monkeypatch.context() as there:
        there.setitem(pde_data.FAMILIES, "own", own)
        config = dataclasses.replace(CONFIG, family="own")
        assert not is_forced(config)
        assert kept_totals(config) == ("mass", "momentum", "energy")
    assert is_forced(config)
    assert kept_totals(config) == ()
    with pytest.raises(ValueError, match=r"`family` 'own' is not among pde_data.FAMIL"):
        check_family(config)
