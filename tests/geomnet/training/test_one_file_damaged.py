"""Files that are no models, are cut, or claim too much: one line, at once."""

import copy
import json
import random
import time
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

import geomnet as gn
from geomnet import training

from .small_run import FLOW, KEY, SQUARE, fit, linear

NORMALISER = gn.Normaliser(FLOW, (1.5, 0.0), (0.1, 2.0), 2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A file of a wrapped network and what belongs to it, and its description."""
    path = tmp_path_factory.mktemp("one") / "whole"
    net = gn.ResNet(SQUARE, 2 * FLOW, FLOW, hidden="0+ 1+", num_blocks=1, key=KEY)
    gn.save(gn.Residual(net), path, {"normaliser": NORMALISER})
    return path.read_bytes(), training.read_metadata(path)


def refused(path, message: str) -> None:
    begun = time.process_time()
    with pytest.raises(ValueError, match=message) as found:
        gn.load(path)
    text = str(found.value)
    assert str(path) in text
    assert "\n" not in text
    assert time.process_time() - begun < 10


@pytest.mark.parametrize("part", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_files_that_are_cut(part, whole, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(whole[0][: int(part * len(whole[0]))])
    refused(path, "is not a checkpoint")


def test_files_that_are_no_models(tmp_path):
    path = tmp_path / "a"
    for content in (b"hello", bytes(range(256)), b"\x89HDF\r\n\x1a\n" + bytes(99)):
        path.write_bytes(content)
        refused(path, "is not a checkpoint")
    training.save_checkpoint(path, linear())
    refused(path, r"does not say what model it holds.*`geomnet\.save`")
    with pytest.raises(FileNotFoundError):
        gn.load(tmp_path / "none")


def nested(depth: int) -> Any:
    return {"class": "Residual", "model": nested(depth - 1)} if depth else None


HUGE = {"class": "Signature", "entries": "1000000x0+"}
MODEL = {"group": "hyperoctahedral(2)", "in_signature": "0+", "out_signature": "0+"}
NETWORK = {"class": "ResNet", **MODEL, "hidden": "30x0+", "num_blocks": 1}
CLAIMS = {
    "fields": ({**NETWORK, "hidden": HUGE}, "weights or more"),
    "inside": (
        {"class": "Residual", "model": {**NETWORK, "hidden": "1000000x0+"}},
        "weights or more",
    ),
    "many": (
        {"class": "GroupAverage", "model": [NETWORK] * 200, "group": "trivial(2)"},
        "weights or more",
    ),
    "modes": (
        {
            **NETWORK,
            "class": "FNO",
            "modes": 10**4,
            "group": {"class": "Group", "name": "hyperoctahedral(3)"},
        },
        "weights or more",
    ),
    "deep": (nested(100), "nested too deeply"),
    "long": ({**NETWORK, "hidden": "0+ " * 10**5}, "characters"),
    "code": ({"class": "os.system", "command": "touch /tmp/x"}, 'must have a "class"'),
    "no class": ({"class": ["ResNet"]}, 'must have a "class"'),
    "value": ({"class": "Residual", "model": 3}, "does not fit Residual: Type"),
    "argument": ({**NETWORK, "exec": "x"}, "does not fit ResNet"),
    "boundary": ({**NETWORK, "boundary": "ROUND"}, "does not fit ResNet: KeyError"),
    "group": ({**NETWORK, "group": "trivial(1) x " * 200}, "group|dimension|matrix"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_what_claims_too_much_or_does_not_fit(name, tmp_path):
    description, message = CLAIMS[name]
    path = tmp_path / "a"
    training.save_checkpoint(path, np.zeros(10**4), {"model": description})
    refused(path, message)


VALUES = {
    "deep": (nested(100), "nested too deeply"),
    "long": ({"class": "Signature", "entries": "0+ " * 10**5}, "characters"),
    "code": ({"class": "os.system", "command": "touch /tmp/x"}, 'must have a "class"'),
    "argument": ({"class": "Normaliser", "means": 1}, "does not fit Normaliser: Type"),
    "enum": ({"class": "Boundary", "name": "ROUND"}, "does not fit Boundary: KeyError"),
    "group": ({"class": "Group", "name": "x", "order": 3}, "does not fit Group: Type"),
    "type": ({"class": "TensorType", "order": 9, "parity": 1}, "must be from 0 to 4"),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_does_not_fit_beside_a_model(name, tmp_path):
    description, message = VALUES[name]
    path = tmp_path / "a"
    model = gn.Persistence("0+", "0+")
    metadata = {"model": gn.models.describe_model(model), "x": [{"y": description}]}
    training.save_checkpoint(path, model, metadata)
    refused(path, message)


def test_a_large_teacher_is_a_description_and_not_built(tmp_path):
    teacher = {**NETWORK, "hidden": "1000000x0+"}
    model = gn.Persistence("0+", "0+")
    gn.save(model, tmp_path / "a", {"teacher": {"class": "Residual", "model": teacher}})
    assert gn.load(tmp_path / "a")[1]["teacher"]["model"] == teacher


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a description, with its keys."""
    found = []
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found


def altered_files_are_refused_or_read(whole, path, tries: int) -> None:
    drawn = random.Random(0)
    model, outcomes = gn.load(path)[0], []
    for _ in range(tries):
        metadata = copy.deepcopy(whole[1])
        container, key = drawn.choice(places(metadata))
        others = [None, -1, 0, 3.5, "x", "0+", [], {}, [1], {"class": "UNet"}, True]
        container[key] = drawn.choice([*others, copy.deepcopy(metadata["model"])])
        forged = path.with_name("forged")
        training.save_checkpoint(forged, model, json.loads(json.dumps(metadata)))
        try:
            gn.load(forged)
            outcomes.append("read")
        except ValueError as error:
            outcomes.append("refused" if "\n" not in str(error) else "many lines")
    assert set(outcomes) <= {"read", "refused"}
    assert outcomes.count("refused") > tries / 3


def test_altered_descriptions_are_refused_or_read(whole, tmp_path):
    (tmp_path / "a").write_bytes(whole[0])
    altered_files_are_refused_or_read(whole, tmp_path / "a", 25)


@pytest.mark.slow
def test_many_altered_descriptions_are_refused_or_read(whole, tmp_path):
    (tmp_path / "a").write_bytes(whole[0])
    altered_files_are_refused_or_read(whole, tmp_path / "a", 1000)


def test_a_checkpoint_of_a_run_is_loaded_with_its_average(tmp_path):
    """Without a word from the user: `fit` describes what it trains."""
    net = gn.ResNet(SQUARE, FLOW, FLOW, hidden="0+ 1+", num_blocks=1, key=KEY)
    path = tmp_path / "a"
    given = {"model": net, "metadata": {"normaliser": NORMALISER}, "average": 0.9}
    with jax.numpy_dtype_promotion("standard"):
        model, history = fit(path, **given, num_steps=2)
        # Objects in the metadata are those of the run when it is gone on with.
        fit(path, **given, num_steps=2)
    loaded, metadata = gn.load(path)
    assert eqx.tree_equal(loaded, model)
    assert metadata["normaliser"] == NORMALISER
    assert metadata["history"]["training"] == [list(history["training"][0])]
    assert metadata["fit"]["batch_size"] == 4
    last, _ = training.load_checkpoint(path, net)
    assert not eqx.tree_equal(last, loaded)
