"""Spectral convolutions: a circular convolution, complete, the same on every grid."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.nn._execution import _spectral
from geomnet.testing import assert_equivariant

SQUARE, CUBE = gn.hyperoctahedral(2), gn.hyperoctahedral(3)
MIXED = gn.Signature("a:1+ b:2x0+ c:1+ d:0-")
KEY = jax.random.key(0)
slow = pytest.mark.slow


def layer(group, fields, modes, out=None):
    return gn.nn.SpectralConv(
        group, fields, out or fields, modes, key=KEY, dtype=np.dtype("float64")
    )


def noise(fields, grid):
    rng = np.random.default_rng(0)
    array = rng.standard_normal((*grid, fields.features(len(grid))))
    return gn.GeometricImage(fields, array, num_spatial_dims=len(grid))


def wave_vectors(modes):
    return list(itertools.product(*(range(-m, m + 1) for m in modes)))


def multipliers(kernel):
    """K(k) as the docstring defines it, by wave vector: `(out, in)`, complex."""
    dense, modes = np.asarray(kernel.dense()), [n // 2 for n in kernel.window]
    at = {k: dense[tuple(np.add(k, modes))].T for k in wave_vectors(modes)}
    minus = {k: at[tuple(-n for n in k)] for k in at}
    return {k: (at[k] + minus[k]) / 2 + 1j * (at[k] - minus[k]) / 2 for k in at}


CONVOLVED = {
    "square": (SQUARE, MIXED, 2, (5, 6)),
    "rotations": (gn.rotations(2), MIXED, 2, (6, 6)),
    "no symmetry, unlike modes": (gn.trivial(2), gn.Signature("0+ 1+"), (2, 1), (5, 4)),
    "line": (gn.hyperoctahedral(1), gn.Signature("0+ 2x1+"), 3, (8,)),
}
CONVOLVED_TOO = {
    "line without symmetry": (gn.trivial(1), gn.Signature("2x0+"), 3, (7,)),
    "around a vertical": (SQUARE * gn.trivial(1), gn.Signature("0+ 1+"), 1, (4, 4, 3)),
    "cube": (CUBE, gn.Signature("0+ 1+ 1-"), 1, (4, 3, 3)),
}


@pytest.mark.parametrize(
    "name", [*CONVOLVED, *(pytest.param(n, marks=slow) for n in CONVOLVED_TOO)]
)
def test_is_the_circular_convolution_with_its_kernel_in_space(name, float64):
    group, fields, modes, grid = (CONVOLVED | CONVOLVED_TOO)[name]
    spectral, x = layer(group, fields, modes), noise(fields, grid)
    cells = np.indices(grid).reshape(len(grid), -1).T
    space = np.zeros((*grid, fields.features(len(grid)), x.features), complex)
    for k, matrix in multipliers(spectral.kernel).items():
        phase = np.exp(2j * np.pi * (cells / grid) @ k).reshape(*grid, 1, 1)
        space += phase * matrix / len(cells)
    assert np.abs(np.imag(space)).max() < 1e-14
    space = np.real(space)
    expected = np.zeros_like(x.array)
    for cell in cells:
        moved = np.roll(x.array, cell, tuple(range(len(grid))))
        expected = expected + moved @ space[tuple(cell)].T
    y = eqx.filter_jit(spectral)(x).array
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-13)


def representation(signature, g):
    """How g acts on all components of a signature of scalars and vectors."""
    det = round(np.linalg.det(g))
    blocks = []
    for entry in signature:
        block = np.eye(1) if entry.type.order == 0 else g
        factor = det if entry.type.parity < 0 else 1
        blocks += entry.channels * [factor * block]
    size = sum(map(len, blocks))
    matrix, start = np.zeros((size, size)), 0
    for block in blocks:
        stop = start + len(block)
        matrix[start:stop, start:stop], start = block, stop
    return matrix


def projector(group, sources, targets, modes):
    """The average over the group, and over the conjugate at -k, of all K.

    On `(2, wave vectors, out, in)` numbers: real and imaginary parts.
    """
    vectors = wave_vectors(modes)
    place = {k: n for n, k in enumerate(vectors)}
    opposite = [place[tuple(-n for n in k)] for k in vectors]
    total = np.zeros((1, 1))
    for g in np.asarray(group.elements, float):
        moved = [place[tuple(int(n) for n in g @ k)] for k in vectors]
        permutation = np.zeros((len(vectors),) * 2)
        permutation[moved, range(len(vectors))] = 1
        both = np.kron(representation(targets, g), representation(sources, g))
        total = total + np.kron(np.eye(2), np.kron(permutation, both))
    size = len(total) // (2 * len(vectors))
    conjugate = np.kron(
        np.diag([1.0, -1.0]), np.kron(np.eye(len(vectors))[opposite], np.eye(size))
    )
    return (np.eye(len(total)) + conjugate) @ total / (2 * group.order)


COMPLETE = {
    "square": (SQUARE, "0+ 1+ 0-", "1+ 0+"),
    "an exchange of axes": (
        gn.Group.from_generators([[[0, 1], [1, 0]]]),
        "0+ 1+",
        "1+",
    ),
    "no symmetry": (gn.trivial(2), "0+", "0+ 1+"),
    "line": (gn.hyperoctahedral(1), "0+ 1+", "1+ 0+"),
}
ALSO_COMPLETE = {
    "rotations": (gn.rotations(2), "0+ 1+", "1+ 0-"),
    "reflections": (gn.reflections(2), "0+ 1+", "1+ 0-"),
    "no symmetry, line": (gn.trivial(1), "2x0+", "0+"),
    "cube": (CUBE, "0+ 1+", "1+ 0+"),
    "rotations of the cube": (gn.rotations(3), "0+ 1+", "1+"),
    "no symmetry in space": (gn.trivial(3), "0+", "0+"),
}


@pytest.mark.parametrize(
    "name", [*COMPLETE, *(pytest.param(n, marks=slow) for n in ALSO_COMPLETE)]
)
def test_every_equivariant_convolution_is_there_and_once(name, float64):
    """By impulses, counted with a dense average that knows nothing of orbits."""
    group, sources, targets = (COMPLETE | ALSO_COMPLETE)[name]
    sources, targets = gn.Signature(sources), gn.Signature(targets)
    d = group.num_spatial_dims
    spectral = layer(group, sources, 1, targets)
    grid = (3,) * d
    features = sources.features(d)

    def response(weights, feature):
        """What an impulse in the first cell becomes."""
        changed = eqx.tree_at(lambda s: s.kernel.weights, spectral, weights)
        impulse = jnp.zeros((3**d, features)).at[0, feature].set(1)
        impulse = gn.GeometricImage(
            sources, impulse.reshape(*grid, features), num_spatial_dims=d
        )
        return changed(impulse).array

    each = jax.vmap(jax.vmap(response, (None, 0)), (0, None))
    number = spectral.kernel.weights.size
    found = np.asarray(jax.jit(each)(jnp.eye(number), jnp.arange(features)))
    # (coefficients, in, *grid, out), to K(k) of (out, in) at each wave vector
    transformed = np.fft.fftn(found, axes=range(2, 2 + d))
    parts = np.stack(
        [
            transformed[:, :, *np.mod(k, 3)].swapaxes(1, 2)
            for k in wave_vectors((1,) * d)
        ],
        axis=1,
    )
    vectors = np.concatenate(
        [parts.real.reshape(number, -1), parts.imag.reshape(number, -1)], axis=1
    )
    average = projector(group, sources, targets, (1,) * d)
    np.testing.assert_allclose(average @ average, average, atol=1e-13)
    np.testing.assert_allclose(vectors @ average.T, vectors, atol=1e-12)
    # Present, independent, and as many as there are: the trace of a projector.
    assert np.linalg.matrix_rank(vectors, tol=1e-9) == number
    np.testing.assert_allclose(np.trace(average), number, rtol=1e-12)


def test_a_finer_grid_gives_the_same_function(float64):
    """Every third cell of three times as many has the same centre."""
    spectral = layer(SQUARE, MIXED, 2)
    rng = np.random.default_rng(0)
    amplitude = rng.standard_normal((2, 5, 5, MIXED.features(2)))

    def sampled(grid):
        """Waves up to number 4: more than the layer keeps."""
        total = 0
        x, y = np.meshgrid(*((np.arange(n) + 0.5) / n for n in grid), indexing="ij")
        for k, m in itertools.product(range(5), range(5)):
            angle = 2 * np.pi * (k * x - m * y)[..., None]
            a, b = amplitude[:, k, m]
            total = total + a * np.cos(angle) + b * np.sin(angle)
        return gn.GeometricImage(MIXED, total)

    run = eqx.filter_jit(spectral)
    coarse, fine = (run(sampled((m * 9, m * 10))).array for m in (1, 3))
    np.testing.assert_allclose(fine[1::3, 1::3], coarse, rtol=0, atol=1e-12)
    assert np.abs(coarse).max() > 1


def test_both_executions_agree_with_their_gradients(float64):
    """The square has all reflections: the orthant alone, or the whole window."""
    spectral = layer(SQUARE, MIXED, 2, gn.Signature("0- 1+ 2x0+"))
    waves = jnp.asarray(np.random.default_rng(0).standard_normal((2, 3, 2, 3, 7)))
    # Sines of wave number 0 are zero, and no gradient of theirs counts.
    waves = waves.at[1, 0].set(0).at[:, :, 1, 0].set(0)
    cotangent = jnp.asarray(np.random.default_rng(1).standard_normal((2, 3, 2, 3, 5)))
    cotangent = cotangent.at[1, 0].set(0).at[:, :, 1, 0].set(0)

    def run(multiply):
        def product(weights, waves):
            kernel = eqx.tree_at(lambda k: k.weights, spectral.kernel, weights)
            return multiply(waves, kernel.weights, kernel.space)

        @jax.jit
        def with_gradients(weights, waves):
            y, back = jax.vjp(product, weights, waves)
            return y, back(cotangent)

        return with_gradients(spectral.kernel.weights, waves)

    y, (by_weights, by_waves) = run(_spectral._multiply_orthant)
    z, (also_by_weights, also_by_waves) = run(_spectral._multiply_window)
    resolved = np.ones((2, 3, 2, 3, 1))
    resolved[1, 0] = resolved[:, :, 1, 0] = 0
    np.testing.assert_allclose(y * resolved, z * resolved, rtol=0, atol=1e-13)
    np.testing.assert_allclose(by_weights, also_by_weights, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        by_waves * resolved, also_by_waves * resolved, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("group", [SQUARE, pytest.param(gn.rotations(2), marks=slow)])
def test_unit_variance_of_every_type_at_the_start(group, float64):
    """White noise on `2 * modes + 1` cells a side is spread over the window."""
    fields = gn.Signature("32x0+ 32x1+ 16x0-")
    y = eqx.filter_jit(layer(group, fields, 4))(noise(fields, (9, 9)))
    for tensor_type in fields.types:
        assert 0.8 < float(jnp.std(y[tensor_type])) < 1.25


def test_half_precision_is_transformed_in_single():
    spectral = gn.nn.SpectralConv(SQUARE, "0+", "0+", 1, key=KEY)
    x = noise(gn.Signature("0+"), (4, 4))
    run = eqx.filter_jit(spectral)
    half = run(x.astype(np.float16)).array
    assert half.dtype == jnp.float16
    single = run(x.astype(np.float16).astype(np.float32)).array
    np.testing.assert_array_equal(half, single.astype(jnp.float16))


def test_says_with_what_it_commutes_on_a_grid():
    spectral = gn.nn.SpectralConv(SQUARE, "0+", "1+", 2, key=KEY)
    assert spectral.modes == (2, 2)
    assert spectral.equivariant_under((5, 8)) == SQUARE
    assert spectral.translation_steps((5, 8)) == (1, 1)
    for ask in (spectral.equivariant_under, spectral.translation_steps):
        with pytest.raises(ValueError, match="must have 2 sides"):
            ask((5, 5, 5))
        with pytest.raises(ValueError, match="finer grid, or `modes=1`"):
            ask((4, 5))


class FreeSpectral(eqx.Module):
    """A plain Fourier layer: free complex matrices at small wave vectors."""

    real: jax.Array
    imaginary: jax.Array

    def __call__(self, image):
        waves = jnp.fft.rfftn(image.array, axes=(0, 1))
        kept = jnp.einsum(
            "xyi,xyio->xyo", waves[:2, :2], jax.lax.complex(self.real, self.imaginary)
        )
        waves = jnp.zeros_like(waves).at[:2, :2].set(kept)
        return image.with_array(jnp.fft.irfftn(waves, image.grid, axes=(0, 1)))


def test_the_check_catches_free_complex_matrices(float64):
    rng = np.random.default_rng(0)
    free = FreeSpectral(*jnp.asarray(rng.standard_normal((2, 2, 2, 3, 3))))
    x = noise(gn.Signature("0+ 1+"), (4, 4))
    with pytest.raises(AssertionError, match="FreeSpectral"):
        assert_equivariant(free, x, SQUARE)
    # It commutes with translations: what is wrong is what the group would fix.
    assert_equivariant(free, x, gn.trivial(2), shift=1)
