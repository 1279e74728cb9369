"""Symmetric and antisymmetric tensors stay such in every layer, whatever the group.

A group that acts trivially on a type leaves each of its components alone, but not free:
components that are equal, opposite or zero are so afterwards, also after training.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet import nn
from geomnet._index_symmetry import with_symmetries

GROUPS = {
    "trivial": gn.trivial(2),
    "half turn": gn.cyclic(2),
    "square": gn.hyperoctahedral(2),
    "trivial in space": gn.trivial(3),
}
FIELDS = {2: "2x2s+ 0+ 2a- 2x3s+", 3: "0+ 2s+ 2a+"}
KEY = jax.random.key(0)


def layers(group):
    """One of each that takes and gives the same fields."""
    d = group.num_spatial_dims
    fields = FIELDS[d]
    same = {"group": group, "signature": fields}
    pair = {"group": group, "in_signature": fields, "out_signature": fields}
    numbers = jnp.asarray([0.3, -0.7])
    film = nn.FiLM(**same, num_parameters=2, key=KEY)
    waves = nn.ConditionedSpectralConv(**pair, modes=1, num_parameters=2, key=KEY)
    return {
        "ConditionedSpectralConv": (waves, lambda layer, x: layer(x, numbers)),
        "Conv": nn.Conv(**pair, key=KEY),
        "Linear": nn.Linear(**pair, key=KEY),
        "Down": nn.Down(**pair, key=KEY),
        "Up": nn.Up(**pair, key=KEY),
        "ConvTranspose": nn.ConvTranspose(**pair, size=2, key=KEY),
        "SpectralConv": nn.SpectralConv(**pair, modes=1, key=KEY),
        "LayerNorm": nn.LayerNorm(**same),
        "InstanceNorm": nn.InstanceNorm(**same),
        "GroupNorm": nn.GroupNorm(**same, num_groups=1),
        "Gate": nn.Gate(**same, key=KEY),
        "NormActivation": nn.NormActivation(**same),
        "VectorNeuron": nn.VectorNeuron(**same, key=KEY),
        "MeanBias": nn.MeanBias(**same),
        "NormPool": nn.NormPool(**same),
        "AveragePool": nn.AveragePool(**same),
        "MultilinearUp": nn.MultilinearUp(**same),
        "FiLM": (film, lambda layer, x: layer(x, numbers)),
        "Dropout": (
            nn.Dropout(**same, rate=0.5),
            lambda layer, x: layer(x, key=jax.random.key(1)),
        ),
    }


def asymmetry(image):
    """How far components that should be equal, opposite or zero are from it, relative
    to the largest.
    """
    array = np.asarray(image.array)
    wanted = with_symmetries(array, image.signature, image.num_spatial_dims)
    return np.abs(array - wanted).max() / np.abs(array).max()


LONGER = ("half turn", "trivial", "trivial in space")


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(group, id=name, marks=[pytest.mark.slow] if name in LONGER else [])
        for name, group in GROUPS.items()
    ],
)
def test_every_layer_keeps_equal_components_equal(group):
    d = group.num_spatial_dims
    x = gn.random_image(FIELDS[d], (4,) * d, key=KEY)
    assert asymmetry(x) == 0

    @eqx.filter_jit
    def run(made, x):
        return {
            name: item[1](item[0], x) if isinstance(item, tuple) else item(x)
            for name, item in made.items()
        }

    # Noise on every leaf: what is equal at the start may be two parameters.
    trained = gn.testing.perturb(layers(group), 0.5, key=jax.random.key(2))
    found = {name: asymmetry(y) for name, y in run(trained, x).items()}
    assert {name: n for name, n in found.items() if not n < 2e-6} == {}


def test_the_law_sees_components_that_drift_apart():
    x = gn.random_image("2s+", (4, 4), key=KEY)
    noise = jnp.asarray(np.random.default_rng(0).normal(size=4), x.dtype)
    assert asymmetry(x.with_array(x.array * noise)) > 0.1


def test_equal_components_are_one_channel():
    fields = gn.Representation(gn.trivial(2), "2x2s+ 0+ 2a-")
    # xx, xy = yx, yy for each channel; the scalar; of 2a- only xy.
    assert fields.num_channels == 2 * 3 + 1 + 1
    assert list(fields.channel) == [0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 7, 7, 7]
