"""Checkpoints written by the code of 83c14d6 are read by the code of today."""

from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

import geomnet as gn

from ...checkpoints import write

FOLDER = Path(__file__).parents[2] / "checkpoints"
OLD = FOLDER / "83c14d6"
NETWORKS = sorted(path.stem for path in OLD.glob("*.ckpt") if path.stem != "layers")


def same(found, name):
    expected = np.load(OLD / "outputs.npz")[name]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_then_is_the_same_network(name):
    """By its description alone, and as the state of a training run."""
    path = OLD / f"{name}.ckpt"
    metadata = gn.training.read_metadata(path)
    assert metadata["history"] == {"training": [[1, 0.5]]}
    model = gn.models.rebuild_model(metadata["model"])
    loaded, _ = gn.training.load_checkpoint(path, model)
    x = write.image_of(2 * write.FLOW)
    same(eqx.filter_jit(loaded)(x).array, name)
    optimiser = gn.training.make_optimiser(learning_rate=1e-3, total_steps=10)
    state = gn.training.start_training(model, optimiser, key=jax.random.key(9))
    resumed, _ = gn.training.load_checkpoint(path, state)
    assert eqx.tree_equal(resumed.model, loaded)
    assert np.array_equal(
        jax.random.key_data(resumed.key), jax.random.key_data(jax.random.key(3))
    )


def test_layers_of_then_are_the_same_layers():
    chain, _ = gn.training.load_checkpoint(OLD / "layers.ckpt", write.layers())
    run = eqx.filter_jit(write.through)
    same(run(chain, write.image_of(write.FLOW)).array, "layers")


def test_other_weights_would_be_seen():
    with pytest.raises(AssertionError):
        same(np.load(OLD / "outputs.npz")["unet"] * 1.01, "unet")
    assert len(NETWORKS) == 5
