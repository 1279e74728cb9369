"""Networks whose gradient computes blocks anew are the same networks."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.testing._layer_trace import LayerTrace

from ..saved_bytes import saved_bytes

SQUARE = gn.hyperoctahedral(2)
FLOW = gn.Signature("density:0+ velocity:1+")
ENDS = {"in_signature": 2 * FLOW, "out_signature": FLOW, "hidden": "2x0+ 2x1+"}
NETWORKS = {
    gn.UNet: {"depth": 1},
    gn.ResUNet: {"depth": 1, "num_blocks": 1, "num_parameters": 1},
    gn.ResNet: {"num_blocks": 2},
    gn.DilatedResNet: {"num_blocks": 1, "dilations": (1, 2)},
    gn.FNO: {"modes": 1, "num_blocks": 2},
    gn.Propagator: {"modes": 3, "num_blocks": 2, "num_parameters": 1},
}


USUAL = [
    pytest.param(kind, marks=pytest.mark.slow if kind is gn.Propagator else [])
    for kind in NETWORKS
]


def network(kind, remat, **options):
    given = {**ENDS, **NETWORKS[kind], **options}
    return kind(SQUARE, **given, remat=remat, key=jax.random.key(0))


def sample(net, cells=8):
    image = gn.random_image(2 * FLOW, (cells, cells), key=jax.random.key(1))
    return (image, jnp.ones(1)) if getattr(net, "num_parameters", 0) else (image,)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[] if kind is gn.FNO else pytest.mark.slow)
        for kind in NETWORKS
    ],
)
def test_value_and_gradients_are_the_same(kind):
    def both(net, given):
        def loss(net):
            return jnp.sum(net(*given).array ** 2)

        return eqx.filter_jit(eqx.filter_value_and_grad(loss))(net)

    (value, gradient), (expected, slope) = (
        both(net, sample(net)) for net in (network(kind, True), network(kind, False))
    )
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(slope), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(b).max())


class OnOneSample(eqx.Module):
    """A network with its numbers, as a function of an image alone."""

    net: Any
    rest: tuple

    def __call__(self, image):
        return self.net(image, *self.rest)


@pytest.mark.parametrize("kind", USUAL)
def test_less_is_kept_for_the_gradient(kind):
    """What blocks are given and what is between them stays."""

    def kept(remat):
        net = network(kind, remat)
        image, *rest = sample(net, 32)
        batch = image.with_array(image.array[None])
        return saved_bytes(OnOneSample(net, tuple(rest)), batch)

    assert kept(True) < 0.7 * kept(False)


@pytest.mark.parametrize("kind", USUAL)
def test_it_is_an_argument_that_is_kept_and_no_other_function(kind, tmp_path):
    """A file says it; the weights of one are those of the other."""
    net, other = network(kind, True), network(kind, False)
    gn.save(net, tmp_path / "a.gn")
    assert eqx.tree_equal(gn.load(tmp_path / "a.gn")[0], net)
    assert gn.models.describe_model(net)["remat"] is True
    assert gn.twin(net).remat
    gn.training.save_checkpoint(tmp_path / "a.ckpt", net)
    loaded, _ = gn.training.load_checkpoint(tmp_path / "a.ckpt", other)
    assert eqx.tree_equal(loaded, other)
    assert not eqx.tree_equal(net, other)
    assert "remat=True" in repr(net)


def test_layers_inside_are_seen_all_the_same():
    def moments(remat):
        net = network(gn.UNet, remat)
        trace = LayerTrace()
        trace(net, *sample(net))
        return [(moment.path, moment.returns) for moment in trace.moments]

    seen = moments(True)
    assert ("bottom.gate", True) in seen
    assert seen == moments(False)
