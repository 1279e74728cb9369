"""On an accelerator nothing is kept between a gate and the convolution after it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.models import _norm, _remat
from geomnet.testing._layer_trace import with_recorders

from ..saved_bytes import saved_bytes
from .test_saved_for_gradients import accelerator as accelerator  # a fixture

SQUARE = gn.hyperoctahedral(2)
FLOW = gn.Signature("0+ 1+")
NETWORKS = {
    gn.UNet: {"depth": 1},
    gn.ResUNet: {"depth": 1, "num_blocks": 1, "num_parameters": 1},
    gn.ResNet: {"num_blocks": 1},
}


def network(kind, hidden="2x0+ 2x1+", **options):
    given = {**NETWORKS.get(kind, {}), **options}
    return kind(SQUARE, FLOW, FLOW, hidden=hidden, key=jax.random.key(0), **given)


def kept_by_a_unet(side, depth):
    """In numbers, weights not counted, which are the same on every grid."""

    def kept(side):
        net = network(gn.UNet, "16x0+ 24x1+", depth=depth)
        x = jnp.zeros((2, side, side, FLOW.features(2)))
        return saved_bytes(net, gn.GeometricImage(FLOW, x, 2)) / 4

    return kept(2 * side) - kept(side)


def numbers_of(side, width, ghosts=0):
    """Of a batch of two on both grids, the larger minus the smaller."""
    cells = [(n + ghosts) ** 2 for n in (2 * side, side)]
    return 2 * width * (cells[0] - cells[1])


def expected_of_a_unet(side, depth):
    """The results of the convolutions; of those that no gate precedes, the inputs."""
    width, source = 64, FLOW.features(2)
    total = numbers_of(side, source, 2) + numbers_of(side, width)
    for level in range(depth + 1):
        n, features = side // 2**level, 2**level * width
        results = 1 if level == depth else 3
        total += results * numbers_of(n, features)
        if level:
            total += numbers_of(n, features, 2)
        if level < depth:
            total += numbers_of(n, 2 * features, 2)
    return total


def test_a_unet_keeps_the_results_of_its_convolutions(accelerator):
    """The image itself, which the size is taken of, and factors are below 3 %."""
    kept, expected = kept_by_a_unet(64, 2), expected_of_a_unet(64, 2)
    assert expected <= kept < 1.03 * expected


def test_without_the_mend_it_keeps_more(accelerator, monkeypatch):
    monkeypatch.setattr(_norm, "joined", lambda run, _, *arguments: run(*arguments))
    assert kept_by_a_unet(64, 2) > 1.2 * expected_of_a_unet(64, 2)


def test_a_cpu_keeps_more():
    assert kept_by_a_unet(64, 2) > 1.2 * expected_of_a_unet(64, 2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETWORKS)
def test_networks_are_the_same_functions_with_the_same_gradients(
    kind, float64, request
):
    net = network(kind, dtype="float64")
    image = gn.random_image(FLOW, (4, 4), key=jax.random.key(1), dtype="float64")
    given = (image, jnp.ones(1)) if getattr(net, "num_parameters", 0) else (image,)
    assert_same_on_an_accelerator(lambda net: net(*given).array, net, request)


def test_a_gate_and_what_follows_are_the_same_function(float64, request):
    keys = jax.random.split(jax.random.key(0), 3)
    layers = (
        gn.nn.Gate(SQUARE, FLOW, key=keys[0], dtype="float64"),
        gn.nn.Conv(SQUARE, FLOW, FLOW, key=keys[1], dtype="float64"),
    )
    image = gn.random_image(FLOW, (4, 4), key=keys[2], dtype="float64")

    def run(given):
        (gate, conv), image = given
        return _norm.activated(None, gate, image, then=conv).array

    assert_same_on_an_accelerator(run, (layers, image), request)


def assert_same_on_an_accelerator(run, given, request):
    """Value and gradient, to rounding."""

    def both():
        def loss(given):
            return jnp.sum(run(given) ** 3)

        return eqx.filter_jit(eqx.filter_value_and_grad(loss))(given)

    expected, slope = both()
    request.getfixturevalue("accelerator")
    value, gradient = both()
    np.testing.assert_allclose(value, expected, rtol=1e-11)
    for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(slope), strict=True):
        scale = float(np.abs(b).max()) if b.size else 0.0
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * scale)


def test_models_with_stand_ins_run_as_they_are(accelerator, monkeypatch):
    """What watches layers has values that could not leave a function computed anew."""

    def refused():
        raise RuntimeError("computed anew")

    monkeypatch.setattr(_remat, "recomputed", refused)
    net = network(gn.ResNet)
    image = gn.random_image(FLOW, (4, 4), key=jax.random.key(1))
    calls = []
    jax.eval_shape(with_recorders(net, calls), image)
    assert len(calls) > 10
    with pytest.raises(RuntimeError, match="anew"):
        jax.eval_shape(lambda image: net(image), image)
