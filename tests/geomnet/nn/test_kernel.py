"""The kernel, assembled by tables, against a plain sum over the basis."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn

CASES = {
    "out of order": (gn.hyperoctahedral(2), "a:1+ b:2x0+ c:1+", "1+ 0- 2x0+", 3),
    "cube": (gn.hyperoctahedral(3), "0+ 1+", "1+ 2x0+", 3),
    "even, rotations": (gn.rotations(2), "0+ 1+", "1- 0-", 2),
}


def channels(signature, tensor_type, d):
    """The features of each channel of a type, over all entries."""
    found = []
    for entry, where in zip(signature, signature.slices(d), strict=True):
        if entry.type == tensor_type:
            found += np.split(np.arange(where.start, where.stop), entry.channels)
    return found


def summed_over_the_basis(kernel):
    d = kernel.group.num_spatial_dims
    fields = kernel.in_signature, kernel.out_signature
    total = np.zeros((*kernel.window, *(f.features(d) for f in fields)))
    for name, coefficients in kernel.coefficients.items():
        out_type, in_type = map(gn.TensorType.parse, name.split("<-"))
        bank = kernel.basis(out_type, in_type)
        shape = (len(bank), *kernel.window, out_type.components(d), -1)
        basis = np.swapaxes(bank.array.reshape(shape), -1, -2)
        for o, out_features in enumerate(channels(fields[1], out_type, d)):
            for i, in_features in enumerate(channels(fields[0], in_type, d)):
                block = np.tensordot(np.asarray(coefficients[:, o, i]), basis, 1)
                total[..., in_features[:, None], out_features[None, :]] = block
    return total


@pytest.mark.parametrize("name", CASES)
def test_dense_kernel_is_the_sum_over_the_basis(name, float64):
    kernel = gn.nn.Kernel(*CASES[name], key=jax.random.key(0), dtype=float64)
    np.testing.assert_array_equal(kernel.dense(), summed_over_the_basis(kernel))


@pytest.mark.parametrize("name", CASES)
def test_gradient_of_the_kernel_is_its_transpose(name, float64):
    kernel = gn.nn.Kernel(*CASES[name], key=jax.random.key(0), dtype=float64)

    @jax.jit
    def dense(weights):
        return eqx.tree_at(lambda k: k.weights, kernel, weights).dense()

    rng = np.random.default_rng(0)
    cotangent = jnp.asarray(rng.standard_normal(dense(kernel.weights).shape))
    (gradient,) = jax.vjp(dense, kernel.weights)[1](cotangent)
    for _ in range(3):
        direction = jnp.asarray(rng.standard_normal(kernel.weights.shape))
        np.testing.assert_allclose(
            np.vdot(gradient, direction),
            np.vdot(cotangent, dense(direction)),
            rtol=1e-12,
        )


@pytest.mark.parametrize("group", [gn.trivial(2), gn.hyperoctahedral(2)])
def test_programs_hold_no_constants_as_large_as_the_kernel(group):
    kernel = gn.nn.Kernel(group, "256x0+", "256x0+", 3, key=jax.random.key(0))
    gradient = jax.jit(jax.grad(lambda kernel: (kernel.dense() ** 2).sum()))
    program = gradient.lower(kernel).as_text()
    assert len(program) < kernel.weights.size


def test_unit_variance_at_the_start(float64):
    fields = gn.Signature("32x0+ 32x1+ 16x0- 8x2s+")
    layer = gn.nn.Conv(
        gn.hyperoctahedral(2), fields, fields, key=jax.random.key(0), dtype=float64
    )
    array = np.random.default_rng(0).standard_normal((8, 8, fields.features(2)))
    y = eqx.filter_jit(layer)(gn.GeometricImage(fields, array))
    for tensor_type in fields.types:
        assert 0.8 < float(jnp.std(y[tensor_type])) < 1.25


def test_a_layer_may_start_as_a_physical_operator():
    """The stencil of the gradient in a layer differentiates a wave."""
    group = gn.hyperoctahedral(2)
    bank = gn.kernel_basis(group, "1+", "0+", 3)
    h = 1 / 64
    conv = gn.nn.Conv(group, "p:0+", "v:1+", use_bias=False, key=jax.random.key(0))
    gradient = gn.stencil(bank, "gradient", accuracy=2)
    numbers = np.array([float(c) for c in gradient]) / h
    kernel = conv.kernel.with_coefficients({"1+<-0+": numbers})
    conv = eqx.tree_at(lambda c: c.kernel, conv, kernel)
    x, y = np.meshgrid(*2 * ((np.arange(64) + 0.5) * h,), indexing="ij")
    p = np.sin(2 * np.pi * x) * np.cos(2 * np.pi * y)
    expected = (
        2
        * np.pi
        * np.stack(
            [
                np.cos(2 * np.pi * x) * np.cos(2 * np.pi * y),
                -np.sin(2 * np.pi * x) * np.sin(2 * np.pi * y),
            ],
            axis=-1,
        )
    )
    given = gn.GeometricImage.from_fields("p:0+", {"p": p.astype(np.float32)}, 2)
    error = np.abs(np.asarray(conv(given)["v"])[..., 0, :] - expected).max()
    # The error of a central difference of second order: (k h)² / 6 of the amplitude.
    assert error < 1.1 * 2 * np.pi * (2 * np.pi * h) ** 2 / 6
    with pytest.raises(ValueError, match="1-<-0"):
        kernel.with_coefficients({"1-<-0+": numbers})
    with pytest.raises(ValueError, match="shape"):
        kernel.with_coefficients({"1+<-0+": numbers[:1]})
