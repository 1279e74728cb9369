"""Weights of plane models in space: the same on fields that are constant along z."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet import nn
from geomnet.models import transfer_weights
from geomnet.nn import Boundary
from geomnet.testing import TOLERANCES, equivariance_error, perturb

SQUARE, CUBE = gn.hyperoctahedral(2), gn.hyperoctahedral(3)
FLOW = gn.Signature("density:0+ velocity:1+")
FIELDS = "2x0+ 2x1+"
run = eqx.filter_jit(lambda model, image: model(image))


def network(model, group, seed=0, **options):
    arguments = {"hidden": "3x0+ 2x1+", "key": jax.random.key(seed)} | options
    return model(group, 2 * FLOW, FLOW, **arguments)


def trained(model):
    """Every leaf away from where it starts."""
    return perturb(model, key=jax.random.key(1))


def image(signature, grid, seed=0, dtype="float64"):
    fields = gn.Signature(signature)
    array = np.random.default_rng(seed).standard_normal(
        (*grid, fields.features(len(grid)))
    )
    return gn.GeometricImage(fields, array.astype(dtype))


def deviation(plane_model, model, x, cells):
    """Between doing first and extruding first."""
    y = run(model, gn.extrude(x, cells))
    return np.abs(y.array - gn.extrude(run(plane_model, x), y.grid[-1]).array).max()


@pytest.mark.slow
def test_a_residual_network_does_in_space_what_it_does_in_the_plane(float64):
    options = {"num_blocks": 1, "dilations": (2,), "dtype": float64}
    plane = trained(network(gn.DilatedResNet, SQUARE, **options))
    onto = network(gn.DilatedResNet, CUBE, seed=2, **options)
    lifted = transfer_weights(plane, onto)
    x = image(2 * FLOW, (5, 4))
    assert deviation(plane, lifted, x, 3) <= TOLERANCES["float64"]
    # Other weights in space do something else.
    assert deviation(plane, onto, x, 3) > 0.1
    y = run(lifted, gn.extrude(x, 3))
    assert np.abs(y["velocity"][..., 2]).max() <= TOLERANCES["float64"]
    assert np.ptp(y.array, axis=2).max() <= TOLERANCES["float64"]


LARGER = {
    "ResNet": (gn.ResNet, {"num_blocks": 2}),
    "ResNet of larger windows": (gn.ResNet, {"num_blocks": 1, "size": 5}),
    "ResNet between slip walls": (
        gn.ResNet,
        {"num_blocks": 1, "boundary": Boundary.SLIP},
    ),
    "ResNet between open faces": (
        gn.ResNet,
        {"num_blocks": 1, "boundary": Boundary.EDGE},
    ),
    "ResNet with antisymmetric tensors": (
        gn.ResNet,
        {"num_blocks": 1, "hidden": "2x0+ 2x1+ 1x2a+"},
    ),
    "DilatedResNet": (gn.DilatedResNet, {"num_blocks": 1, "dilations": (1, 2, 1)}),
    "UNet of scalars": (gn.UNet, {"depth": 1, "hidden": "4x0+"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGER)
def test_models_do_in_space_what_they_do_in_the_plane(name, float64):
    model, options = LARGER[name]
    plane = trained(network(model, SQUARE, dtype=float64, **options))
    lifted = transfer_weights(plane, network(model, CUBE, dtype=float64, **options))
    x = image(2 * FLOW, (8, 6))
    assert deviation(plane, lifted, x, 4) <= TOLERANCES["float64"]
    # Whatever lies along the third axis: the whole group of the cube holds.
    x = image(2 * FLOW, (4, 2, 6))
    assert equivariance_error(lifted, x, CUBE) <= TOLERANCES["float64"]


@pytest.mark.slow
def test_a_line_is_transferred_to_space_by_way_of_the_plane(float64):
    options = {"num_blocks": 1, "dtype": float64}
    line, plane, space = (
        network(gn.ResNet, gn.hyperoctahedral(d), **options) for d in (1, 2, 3)
    )
    line = trained(line)
    plane = transfer_weights(line, plane)
    x = image(2 * FLOW, (7,))
    assert deviation(line, plane, x, 3) <= TOLERANCES["float64"]
    x = gn.extrude(x, 4)
    assert deviation(plane, transfer_weights(plane, space), x, 3) <= 1e-12


class EveryLayer(eqx.Module):
    """One of each layer whose weights can be transferred."""

    layers: list[eqx.Module]
    film: nn.FiLM

    def __init__(self, group, seed, dtype):
        keys = iter(jax.random.split(jax.random.key(seed), 9))

        def made(layer, *arguments, **options):
            return layer(group, *arguments, key=next(keys), dtype=dtype, **options)

        self.layers = [
            made(nn.Linear, FIELDS, FIELDS),
            nn.GroupNorm(group, FIELDS, 2, dtype=dtype),
            made(nn.Conv, FIELDS, FIELDS, channel_groups=2),
            nn.InstanceNorm(group, FIELDS, dtype=dtype),
            nn.MeanBias(group, FIELDS, dtype=dtype),
            made(nn.Down, FIELDS, FIELDS),
            made(nn.Gate, FIELDS),
            nn.Dropout(group, FIELDS, inference=True),
            nn.MultilinearUp(group, FIELDS),
            nn.NormPool(group, FIELDS),
            made(nn.Conv, FIELDS, "2x0+", stride=2, size=2),
            made(nn.ConvTranspose, "2x0+", "1x0+"),
            nn.NormActivation(group, "1x0+", dtype=dtype),
            made(nn.VectorNeuron, "1x0+"),
        ]
        self.film = made(nn.FiLM, "1x0+", 1)

    def __call__(self, image):
        for layer in self.layers:
            image = layer(image)  # pyright: ignore
        return self.film(image, jnp.ones(1, image.dtype))


@pytest.mark.slow
def test_every_layer_does_in_space_what_it_does_in_the_plane(float64):
    plane = trained(EveryLayer(SQUARE, 0, float64))
    lifted = transfer_weights(plane, EveryLayer(CUBE, 2, float64))
    x = image(FIELDS, (8, 4))
    assert np.abs(run(plane, x).array).max() > 0.1
    assert deviation(plane, lifted, x, 4) <= TOLERANCES["float64"]


def test_the_result_has_the_dtype_and_the_structure_of_onto():
    plane = nn.Conv(SQUARE, "0+", FLOW, key=jax.random.key(0))
    onto = nn.Conv(CUBE, "0+", FLOW, key=jax.random.key(0), dtype="bfloat16")
    lifted = transfer_weights(plane, onto)
    assert jax.tree.structure(lifted) == jax.tree.structure(onto)
    assert lifted.kernel.weights.dtype == onto.kernel.weights.dtype
    assert lifted.in_signature == onto.in_signature


class Chain(eqx.Module):
    """Layers in a row."""

    layers: tuple[eqx.Module, ...]


class Unknown(eqx.Module):
    """A layer of somebody's own."""

    weights: jax.Array

    def __init__(self, group):
        self.weights = jnp.ones(group.num_spatial_dims)


def conv(group, *arguments, **options):
    return nn.Conv(group, *arguments, key=jax.random.key(0), **options)


def up(group, *arguments):
    return nn.Up(group, *arguments, key=jax.random.key(0))


# model, onto, words of the message
REFUSED = {
    "vectors from a learned upsampling": (
        lambda: up(SQUARE, "0+", "1+"),
        lambda: up(CUBE, "0+", "1+"),
        r"model.kernel.coefficients\['1\+<-0\+'\].*`ResNet` or `DilatedResNet`",
    ),
    "symmetric tensors inside": (
        lambda: Chain((conv(SQUARE, "0+", "0+"), conv(SQUARE, "0+", "1+ 2s+"))),
        lambda: Chain((conv(CUBE, "0+", "0+"), conv(CUBE, "0+", "1+ 2s+"))),
        r"model.layers\[1\].kernel.coefficients\['2s\+<-0\+'\].*scalars and vectors",
    ),
    "a bias of symmetric tensors": (
        lambda: trained(nn.LayerNorm(SQUARE, "2s+")),
        lambda: nn.LayerNorm(CUBE, "2s+"),
        r"model.bias.weights of '2s\+'",
    ),
    "curls of the plane": (
        lambda: conv(gn.rotations(2), "0+", "1+"),
        lambda: conv(CUBE, "0+", "1+"),
        r"'1\+<-0\+'.*hyperoctahedral",
    ),
    "pseudoscalars": (
        lambda: nn.LayerNorm(SQUARE, "0-"),
        lambda: nn.LayerNorm(CUBE, "0-"),
        r"model.signature: 0- of '0-'.*'2a\+'",
    ),
    "what is a scalar on a line only": (
        lambda: nn.MeanBias(gn.hyperoctahedral(1), "2s+"),
        lambda: nn.MeanBias(SQUARE, "2s+"),
        r"each component of type '2s\+' is a scalar",
    ),
    "vectors of a plain network": (
        lambda: nn.LayerNorm(gn.trivial(2), "1+"),
        lambda: nn.LayerNorm(gn.trivial(3), "1+"),
        r"model.scale has shape \(2,\) in `model` and \(3,\)",
    ),
    "other fields": (
        lambda: conv(SQUARE, "0+", "0+"),
        lambda: conv(CUBE, "0+", "2x0+"),
        r"model.kernel.out_signature is '0\+' in `model` and '2x0\+'",
    ),
    "another window": (
        lambda: conv(SQUARE, "0+", "0+"),
        lambda: conv(CUBE, "0+", "0+", 5),
        r"model.kernel.window is \(3, 3\) in `model` and \(5, 5, 5\)",
    ),
    "another dilation": (
        lambda: conv(SQUARE, "0+", "0+"),
        lambda: conv(CUBE, "0+", "0+", dilation=2),
        "model.dilation is '1' in `model` and '2' in `onto`",
    ),
    "faces of zeros": (
        lambda: conv(SQUARE, "0+", "0+", boundary=Boundary.ZERO),
        lambda: conv(CUBE, "0+", "0+", boundary=Boundary.ZERO),
        "model.faces is ZERO/ZERO, .*PERIODIC, EDGE or SLIP along the last",
    ),
    "the same dimension": (
        lambda: conv(SQUARE, "0+", "0+"),
        lambda: conv(SQUARE, "0+", "0+"),
        r"2 spatial dimensions and `onto` 2.*hyperoctahedral\(3\)",
    ),
    "another class": (
        lambda: conv(SQUARE, "0+", "0+"),
        lambda: nn.LayerNorm(CUBE, "0+"),
        "model is a Conv in `model` and a LayerNorm in `onto`",
    ),
    "another depth": (
        lambda: Chain((nn.MeanBias(SQUARE, "0+"),)),
        lambda: Chain((nn.MeanBias(CUBE, "0+"),) * 2),
        "model.layers has 1 parts in `model` and 2",
    ),
    "lengths of vectors": (
        lambda: nn.NormActivation(SQUARE, "0+ 1+"),
        lambda: nn.NormActivation(CUBE, "0+ 1+"),
        r"model is a NormActivation of '0\+ 1\+'.*`geomnet.nn.Gate`",
    ),
    "directions of vectors": (
        lambda: nn.VectorNeuron(SQUARE, "1+", key=jax.random.key(0)),
        lambda: nn.VectorNeuron(CUBE, "1+", key=jax.random.key(0)),
        "model is a VectorNeuron.*unit second moment",
    ),
    "an average over plain networks": (
        lambda: gn.GroupAverage(eqx.nn.Identity(), SQUARE),
        lambda: gn.GroupAverage(eqx.nn.Identity(), CUBE),
        "GroupAverage.*Transfer an equivariant model",
    ),
    "a layer of somebody's own": (
        lambda: Unknown(SQUARE),
        lambda: Unknown(CUBE),
        "model.weights belongs to a layer.*does not know",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_can_not_be_transferred_is_refused_with_the_mend(what):
    model, onto, message = REFUSED[what]
    with pytest.raises(ValueError, match=f"(?s){message}"):
        transfer_weights(model(), onto())


def test_a_coefficient_of_zero_is_no_hindrance():
    layer = nn.Up(SQUARE, "0+ 1+", "0+ 1+", key=jax.random.key(0))
    onto = nn.Up(CUBE, "0+ 1+", "0+ 1+", key=jax.random.key(0))
    # Of the vectors only those that are copied.
    kept = np.asarray(layer.kernel.coefficients["1+<-1+"]) * [[[0]], [[1]]]
    kernel = layer.kernel.with_coefficients({"1+<-0+": [0.0], "1+<-1+": kept})
    layer = eqx.tree_at(lambda layer: layer.kernel, layer, kernel)
    x = image("0+ 1+", (2, 3), dtype="float32")
    assert deviation(layer, transfer_weights(layer, onto), x, 2) <= 1e-5
