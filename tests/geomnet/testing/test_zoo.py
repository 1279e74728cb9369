"""A zoo of broken layers: each is caught, and located."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.testing import assert_equivariant, certify

SQUARE = gn.hyperoctahedral(2)
SIGNATURE = "0+ 0- 1+"


class Chain(eqx.Module):
    """Layers one after the other."""

    layers: list
    group: gn.Group = eqx.field(static=True, default=SQUARE)
    in_signature: str = eqx.field(static=True, default=SIGNATURE)

    def __call__(self, image):
        for layer in self.layers:
            image = layer(image)
        return image


class Gate(eqx.Module):
    """A correct layer without parameters: bounds each tensor by its norm."""

    def __call__(self, image):
        squares = jnp.square(image.array)
        s = squares[..., :2]
        v = jnp.repeat(squares[..., 2:].sum(axis=-1, keepdims=True), 2, axis=-1)
        norms = jnp.sqrt(jnp.concatenate([s, v], axis=-1) + 1e-2)
        return image.with_array(image.array / (1 + norms))


class Mean(eqx.Module):
    """A correct layer that rounds: the mean over the cross of 5 cells."""

    def __call__(self, image):
        a = image.array
        shifted = [jnp.roll(a, s, axis) for axis in (0, 1) for s in (1, -1)]
        return image.with_array((a + sum(shifted)) / 5)


class StridedOnEvenGrid(eqx.Module):
    def __call__(self, image):
        return image.with_array(image.array[::2, ::2])


class MaxPoolWithTies(eqx.Module):
    """Keeps of each 2x2 block the cell with the largest norm, the first of equals."""

    def __call__(self, image):
        a = image.array
        n, m, f = a.shape
        blocks = a.reshape(n // 2, 2, m // 2, 2, f).transpose(0, 2, 1, 3, 4)
        blocks = blocks.reshape(n // 2, m // 2, 4, f)
        best = jnp.argmax(jnp.round(jnp.square(blocks).sum(-1)), axis=-1)
        taken = jnp.take_along_axis(blocks, best[..., None, None], axis=2)
        return image.with_array(taken[:, :, 0])


class BiasOnPseudoscalar(eqx.Module):
    bias: jax.Array

    def __init__(self):
        self.bias = jnp.zeros(2)

    def __call__(self, image):
        return image.with_array(image.array.at[..., :2].add(self.bias))


class PaddingWithWrongCorner(eqx.Module):
    """Sums windows of 2 cells, padded with zeros before the first cell only."""

    def __call__(self, image):
        padded = jnp.pad(image.array, ((1, 0), (1, 0), (0, 0)))
        rows = padded[1:] + padded[:-1]
        return image.with_array(rows[:, 1:] + rows[:, :-1])


class TransposedComponent(eqx.Module):
    """Exchanges the components of the vector without exchanging the axes."""

    def __call__(self, image):
        return image.with_array(image.array[..., np.array([0, 1, 3, 2])])


class FiltersThatTrain(eqx.Module):
    """A correct filter, but as a leaf that an optimiser sees."""

    filter: jax.Array

    def __init__(self):
        self.filter = jnp.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], jnp.float32)

    def __call__(self, image):
        shifted = [
            self.filter[i, j] * jnp.roll(image.array, (i - 1, j - 1), (0, 1))
            for i in range(3)
            for j in range(3)
        ]
        return image.with_array(sum(shifted[1:], start=shifted[0]))


class RectangularAxisSwap(eqx.Module):
    """A gradient that takes the number of cells of the first axis for both axes."""

    def __call__(self, image):
        s = image.array[..., 0]
        slopes = [
            (jnp.roll(s, -1, axis) - jnp.roll(s, 1, axis)) * cells
            for axis, cells in ((0, image.grid[0]), (1, image.grid[0]))
        ]
        return image.with_array(image.array.at[..., 2:].set(jnp.stack(slopes, -1)))


class CastInTheMiddle(eqx.Module):
    """Computes in bfloat16 and goes on in float32."""

    def __call__(self, image):
        low = image.array.astype(jnp.bfloat16)
        return image.with_array(low.astype(jnp.float32))


class MeanInBfloat16(eqx.Module):
    def __call__(self, image):
        low = image.astype(jnp.bfloat16)
        a = low.array
        total = a + jnp.roll(a, 1, 0) + jnp.roll(a, 1, 1) + jnp.roll(a, -1, 0)
        return image.with_array((total + jnp.roll(a, -1, 1)).astype(jnp.float32))


class PositionEmbedding(eqx.Module):
    def __call__(self, image):
        x = jnp.arange(image.grid[0], dtype=jnp.float32)[:, None, None]
        return image.with_array(image.array + jnp.sin(x))


class RoundPositionEmbedding(eqx.Module):
    """Knows the distance from the centre: right for turns, wrong for shifts."""

    def __call__(self, image):
        x, y = (jnp.arange(n, dtype=jnp.float32) - (n - 1) / 2 for n in image.grid)
        r = jnp.square(x)[:, None] + jnp.square(y)[None, :]
        return image.with_array(image.array * jnp.expand_dims(r, -1))


class BatchNormByComponent(eqx.Module):
    """Divides by running deviations, one for each component, as in evaluation.

    (By the sample's own it would commute: they are exchanged with the components.)
    """

    deviations: jax.Array

    def __init__(self):
        self.deviations = jnp.array([1.0, 1.1, 0.9, 1.2])

    def __call__(self, image):
        return image.with_array(image.array / self.deviations[None, None])


class LeakyReLUOnVectors(eqx.Module):
    def __call__(self, image):
        return image.with_array(jax.nn.leaky_relu(image.array, 0.1))


class FlipOfOneComponent(eqx.Module):
    """A sign lost in one component, as in a wrong wall."""

    def __call__(self, image):
        return image.with_array(image.array * jnp.array([1.0, 1.0, 1.0, -1.0])[None])


class RolledBoundary(eqx.Module):
    """A one-sided difference, right on the torus, but not its mirror image."""

    def __call__(self, image):
        return image.with_array(image.array - 0.5 * jnp.roll(image.array, 1, 0))


class Float16Accumulate(eqx.Module):
    """A mean over all cells, summed one by one in half precision."""

    def __call__(self, image):
        low = image.array.astype(jnp.float16).reshape(-1, image.array.shape[-1])
        mean = low.cumsum(axis=0)[-1] / len(low)
        return image.with_array(image.array - mean.astype(jnp.float32)[None, None])


class FFTWithoutNyquist(eqx.Module):
    """Drops the highest wave along the last axis only, as a real FFT invites to."""

    def __call__(self, image):
        waves = jnp.fft.rfft2(image.array, axes=(0, 1))
        n = image.grid[1] // 2
        kept = jnp.fft.irfft2(waves.at[:, n].set(0.0), s=image.grid, axes=(0, 1))
        return image.with_array(kept.astype(image.dtype))


class AttentionOverPositions(eqx.Module):
    """Every cell weighs every other by a learned bias of its place in the list."""

    def __call__(self, image):
        flat = image.array.reshape(-1, image.array.shape[-1])
        rank = jnp.arange(len(flat), dtype=flat.dtype)
        scores = -jnp.abs(rank[:, None] - rank[None, :])
        return image.with_array(
            (jax.nn.softmax(scores) @ flat).reshape(image.array.shape)
        )


class DropoutByComponent(eqx.Module):
    """Drops single components, of a vector too, by a mask that its key decides."""

    def __call__(self, image):
        kept = jax.random.bernoulli(jax.random.key(2), 0.5, image.array.shape[-1:])
        return image.with_array(jnp.where(kept[None, None], 2 * image.array, 0.0))


def _image(grid=(4, 6), ties=False):
    array = np.random.default_rng(0).normal(size=(*grid, 4)).astype(np.float32)
    return gn.GeometricImage(SIGNATURE, np.round(array) if ties else array)


@pytest.mark.parametrize(
    "broken",
    [
        StridedOnEvenGrid(),
        PaddingWithWrongCorner(),
        TransposedComponent(),
        RectangularAxisSwap(),
        MeanInBfloat16(),
        PositionEmbedding(),
        BatchNormByComponent(),
        LeakyReLUOnVectors(),
        FlipOfOneComponent(),
        RolledBoundary(),
        FFTWithoutNyquist(),
        AttentionOverPositions(),
        DropoutByComponent(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_broken_layer_is_caught_and_located(broken):
    model = Chain([Gate(), Mean(), broken, Gate()])
    name = type(broken).__name__
    with pytest.raises(AssertionError, match=rf"layer: `layers\[2\]` \({name}\)"):
        assert_equivariant(model, _image())


def test_the_chain_without_a_broken_layer_passes():
    assert_equivariant(Chain([Gate(), Mean(), Gate()]), _image(), shift=1)


def test_pooling_that_prefers_one_of_equals_is_caught_on_ties():
    model = Chain([MaxPoolWithTies(), Gate()])
    with pytest.raises(AssertionError, match=r"`layers\[0\]` \(MaxPoolWithTies\)"):
        assert_equivariant(model, _image(ties=True))


def test_a_swap_of_unequal_axes_is_invisible_on_a_square_grid():
    model = Chain([RectangularAxisSwap()])
    assert_equivariant(model, _image((4, 4)))
    report = certify(model, (4, 4), dtypes=())
    assert [c.passed for c in report.checks] == [True, False]
    assert report.checks[1].grid == (4, 8)


@pytest.mark.parametrize("broken", [BiasOnPseudoscalar(), FiltersThatTrain()])
def test_what_training_breaks_is_caught_only_after_training(broken):
    model = Chain([Gate(), broken, Gate()])
    assert_equivariant(model, _image())
    report = certify(model, [(4, 4)], dtypes=())
    assert not report.passed
    assert report.checks[0].passed
    assert not any(check.passed for check in report.checks[1:])
    for check in report.checks[1:]:
        assert check.guilty is not None
        assert check.guilty.path == "layers[1]"
        assert check.guilty.layer == type(broken).__name__
    assert "`layers[1]`" in str(report)


def test_a_cast_is_named_with_its_line():
    model = Chain([Gate(), CastInTheMiddle(), Gate()])
    report = certify(model, [(4, 4)], dtypes=())
    assert not report.passed
    (cast,) = report.casts
    assert cast.startswith("float32 -> bfloat16 at test_zoo.py:")
    assert certify(Chain([Gate()]), [(4, 4)], dtypes=()).casts == ()


def test_a_sum_in_half_precision_is_located_and_named():
    model = Chain([Gate(), Float16Accumulate(), Gate()])
    with pytest.raises(AssertionError) as failure:
        assert_equivariant(model, _image((8, 12)))
    text = str(failure.value)
    assert "`layers[1]` (Float16Accumulate)" in text
    assert "float32 -> float16 at test_zoo.py:" in text


def test_an_embedding_of_positions_that_turns_is_caught_by_shifts():
    model = Chain([Gate(), RoundPositionEmbedding()])
    assert_equivariant(model, _image())
    guilty = r"shift by .*layer: `layers\[1\]` \(RoundPositionEmbedding\)"
    with pytest.raises(AssertionError, match=guilty):
        assert_equivariant(model, _image(), shift=1)
    report = certify(model, [(4, 4)], dtypes=())
    assert report.translation is None
    assert certify(Chain([Mean()]), [(4, 4)], dtypes=()).translation == 1
