"""Models in one file: what is saved is what is loaded, without a script."""

import dataclasses
import enum
import json
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.training._text import static_lines

from .small_run import FLOW, KEY, SQUARE

NORMALISER = gn.Normaliser(FLOW, (1.5, 0.0), (0.1, 2.0), 2)
WALLS = (gn.nn.Boundary.PERIODIC, (gn.nn.Boundary.SLIP, gn.nn.Boundary.SLIP))


def network(kind: type, **options: Any) -> Any:
    given = {"hidden": "2x0+ 1+", "key": KEY} | options
    return kind(SQUARE, 2 * FLOW, FLOW, **given)


class Outlook(enum.Enum):
    SUNNY = "sun"
    WET = 2


@dataclasses.dataclass(frozen=True)
class OwnUnits:
    """A value of one's own, with values inside."""

    names: dict[str, str]
    normaliser: gn.Normaliser
    outlook: Outlook
    rest: tuple[Any, ...] = (1, 0.5, None, True, "x", (2,))


class InUnits(eqx.Module):
    """A wrapper of one's own."""

    model: Any
    units: OwnUnits = eqx.field(static=True)
    factor: float = eqx.field(static=True)
    group: gn.Group = eqx.field(static=True)

    def __call__(self, image):
        return self.model(image) * self.factor


OWN = (OwnUnits, Outlook, InUnits)


def in_units(model: Any) -> InUnits:
    units = OwnUnits({"velocity": "m/s", "class": "x"}, NORMALISER, Outlook.WET)
    odd = gn.Group.from_generators([[[0, 1], [1, 0]]])
    return InUnits(model, units, 0.5, odd)


GAS = gn.Signature("density:0+ pressure:0+ velocity:1+")


def in_own_units() -> gn.Nondimensional:
    units = gn.Units(
        {"density": "M L^-3", "velocity": "L T^-1"},
        ("mean density", "rms velocity", "cell"),
        {"cell": "L", "time_step": "T"},
    )
    normaliser = gn.UnitNormaliser(units, NORMALISER, (0.5,), (2.0,))
    inside = network(gn.UNet, depth=1, num_parameters=1)
    return gn.Nondimensional(gn.Residual(inside), normaliser, (0.1, 0.2))


MODELS = {
    "UNet": lambda: network(gn.UNet, depth=1),
    "ResUNet": lambda: network(gn.ResUNet, depth=1, num_parameters=2),
    "ResNet": lambda: network(gn.ResNet, num_blocks=1),
    "walls": lambda: gn.ResNet(
        gn.reflections(2), FLOW, FLOW, hidden="0+ 1+", boundary=WALLS, key=KEY
    ),
    "DilatedResNet": lambda: network(gn.DilatedResNet, num_blocks=1),
    "FNO": lambda: network(gn.FNO, num_blocks=1, modes=2),
    "Propagator": lambda: network(gn.Propagator, modes=2, num_parameters=1),
    "half": lambda: network(gn.ResNet, num_blocks=1, dtype=jnp.bfloat16),
    "Persistence": lambda: gn.Persistence("40000x0+", "20000x0+"),
    "Residual": lambda: gn.Residual(network(gn.ResNet, num_blocks=1)),
    "GroupAverage": lambda: gn.GroupAverage(
        gn.Residual(gn.twin(network(gn.ResNet, num_blocks=1), key=KEY)), SQUARE
    ),
    "Nondimensional": lambda: in_own_units(),
    "Conserving": lambda: gn.Conserving(gn.Persistence(2 * GAS, GAS, 2), 1.4),
    "Galilean": lambda: gn.Galilean(in_own_units(), velocity="v", density=None),
    "Stated": lambda: gn.Residual(
        in_units(network(gn.ResNet, num_blocks=1)),
        in_signature=2 * FLOW,
        out_signature=FLOW,
    ),
    "own": lambda: in_units(gn.Residual(network(gn.ResNet, num_blocks=1))),
}


def filled(name: str, seed: int = 1) -> Any:
    """A model whose numbers are drawn by NumPy: nothing is compiled."""
    draw = np.random.default_rng(seed).normal
    return jax.tree.map(
        lambda x: jnp.asarray(draw(size=x.shape), x.dtype),
        eqx.filter_eval_shape(MODELS[name]),
    )


def equal(a: Any, b: Any) -> bool:
    """Same leaves, and the same function by every static field."""
    return bool(eqx.tree_equal(a, b)) and static_lines(a) == static_lines(b)


@pytest.mark.parametrize("name", MODELS)
def test_every_network_and_wrapper_is_saved_and_loaded(name, tmp_path):
    model = filled(name)
    classes = OWN if name in ("own", "Stated") else ()
    gn.save(model, tmp_path / "a.gn", classes=classes)
    loaded, metadata = gn.load(tmp_path / "a.gn", classes=classes)
    assert equal(loaded, model)
    assert metadata == {}
    assert name in ("Persistence", "Conserving") or not equal(loaded, filled(name, 2))


def parts_of(model: Any) -> list[Any]:
    """A model, what is inside of it, and so on."""
    inside = getattr(model, "model", None) or getattr(model, "inside", None)
    return [model, *(parts_of(inside) if inside is not None else [])]


def test_every_known_network_and_wrapper_is_among_them():
    """A class that is added to the registry is added here."""
    described = gn.models._description
    kinds = {type(part) for name in MODELS for part in parts_of(filled(name))}
    assert {*described._NETWORKS, *described._WRAPPERS} <= kinds


def test_what_belongs_to_a_model_comes_back_as_it_was(tmp_path):
    given = {
        "normaliser": NORMALISER,
        "signature": FLOW,
        "group": SQUARE,
        "types": (gn.TensorType(2, -1, "s"), gn.Entry("u", 3, gn.TensorType(1, 1))),
        "boundary": gn.nn.Boundary.SLIP,
        "representation": gn.Representation(SQUARE, FLOW),
        "units": {"velocity": "m/s"},
        "settings": {"learning_rate": 1e-3, "hidden": "4x0+", "steps": np.int64(3)},
    }
    model = filled("Residual")
    gn.save(model, tmp_path / "a", given)
    loaded, found = gn.load(tmp_path / "a")
    assert found.pop("types") == list(given.pop("types"))
    assert found == given
    assert isinstance(found["normaliser"], gn.Normaliser)
    # And can be saved again.
    gn.save(loaded, tmp_path / "b", found)
    assert gn.load(tmp_path / "b")[1]["normaliser"] == NORMALISER


def test_nothing_is_overwritten_unless_that_is_meant(tmp_path):
    model = MODELS["Persistence"]()
    path = tmp_path / "a"
    path.write_text("notes")
    with pytest.raises(FileExistsError, match="`overwrite=True`"):
        gn.save(model, path)
    assert path.read_text() == "notes"
    gn.save(model, path, overwrite=True)
    assert equal(gn.load(path)[0], model)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


class Scaled(eqx.Module):
    """Does not keep what built it."""

    inner: Any

    def __init__(self, model):
        self.inner = model


@dataclasses.dataclass(frozen=True)
class Residual:
    """Has the name of another class."""


REFUSED = {
    "a layer": (lambda: gn.nn.Linear(SQUARE, FLOW, FLOW, key=KEY), {}, "`model` is a"),
    "a function": (
        lambda: gn.GroupAverage(jnp.sin, SQUARE),
        {},
        r"`model\.model` is a .*classes=\[",
    ),
    "lost arguments": (
        MODELS["Persistence"],
        {"metadata": {"x": Scaled(3)}, "classes": (Scaled,)},
        "Scaled does not keep its argument `model`",
    ),
    "two of one name": (
        MODELS["Persistence"],
        {"classes": (Residual,)},
        "second class called Residual",
    ),
    "changed by hand": (
        lambda: eqx.tree_at(
            lambda m: m.model.stack.lift.kernel.weights,
            filled("Residual"),
            jnp.zeros(3),
        ),
        {},
        r"not what its constructor's arguments build: .*in the model",
    ),
    "taken": (MODELS["Persistence"], {"metadata": {"model": 1}}, "'model'"),
    "class": (
        MODELS["Persistence"],
        {"metadata": {"flow": {"class": "turbulent"}}},
        r"`metadata\['flow'\]` must have a \"class\" among",
    ),
    "arrays": (
        MODELS["Persistence"],
        {"metadata": {"teacher": filled("ResNet")}},
        "whose arrays JSON can't say",
    ),
    "a set": (MODELS["Persistence"], {"metadata": {"a": {1}}}, "set, which JSON"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_described_is_refused_before_anything_is_written(
    name, tmp_path
):
    model, options, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message):
        gn.save(model(), tmp_path / "a", **options)
    assert not list(tmp_path.iterdir())


def test_files_of_own_classes_name_them(tmp_path):
    gn.save(filled("own"), tmp_path / "a", classes=OWN)
    with pytest.raises(ValueError, match=r"'InUnits'.*name a class of your own"):
        gn.load(tmp_path / "a")


def test_other_models_in_metadata_stay_descriptions(tmp_path):
    teacher = gn.models.describe_model(filled("ResNet"))
    gn.save(MODELS["Persistence"](), tmp_path / "a", {"teacher": teacher})
    assert gn.load(tmp_path / "a")[1] == {"teacher": teacher}


def test_descriptions_of_before_are_read():
    """Of a time when a residual model was a mark, and all groups had short names."""
    model = filled("walls")
    description = gn.models.describe_model(model)
    assert description["group"] == "reflections(2)"
    assert description["hidden"] == "0+ 1+"
    assert description["boundary"] == [["PERIODIC"] * 2, ["SLIP"] * 2]
    for mark, kind in ((True, gn.Residual), (False, gn.ResNet)):
        old = json.loads(json.dumps({**description, "residual": mark}))
        rebuilt = gn.models.rebuild_model(old)
        expected = gn.Residual(model) if mark else model
        assert type(rebuilt) is kind
        assert static_lines(rebuilt) == static_lines(expected)
