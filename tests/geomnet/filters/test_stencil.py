"""Stencils as the textbooks have them, and kernels put into words."""

from fractions import Fraction as F

import jax
import numpy as np
import pytest
import sympy

from geomnet import (
    describe,
    filter_basis,
    hyperoctahedral,
    isotropic,
    kernel_basis,
    nn,
    stencil,
    trivial,
)

SQUARE, CUBE = hyperoctahedral(2), hyperoctahedral(3)
UPRIGHT = SQUARE * trivial(1)


def test_stencils_of_the_textbooks():
    assert stencil(filter_basis(SQUARE, "0+", 3), "laplacian") == (-4, 1, 0)
    assert stencil(filter_basis(CUBE, "0+", 3), "laplacian") == (-6, 1, 0, 0)
    fourth = stencil(filter_basis(SQUARE, "0+", 5), "laplacian", 4)
    assert fourth == (-5, F(4, 3), 0, F(-1, 12), 0, 0)
    assert stencil(filter_basis(SQUARE, "1+", 3), "gradient") == (F(1, 2), 0)
    fourth = stencil(filter_basis(SQUARE, "1+", 5), "gradient", 4)
    assert fourth == (F(2, 3), 0, F(-1, 12), 0, 0, 0)
    biharmonic = stencil(filter_basis(SQUARE, "0+", 5), "biharmonic")
    assert biharmonic == (20, -8, 2, 1, 0, 0), "the 13-point stencil"
    # Half a cell away, on an even window: the staggered gradient.
    assert stencil(filter_basis(SQUARE, "1+", 2), "gradient") == (F(1, 2),)


def test_spacing_scales_by_the_degree():
    bank = filter_basis(SQUARE, "0+", 3)
    assert stencil(bank, "Laplacian", spacing=F(1, 2)) == (-16, 4, 0)
    assert stencil(bank, "identity", spacing=0.1) == (1, 0, 0)


def test_a_stencil_takes_a_gradient_of_a_field():
    n = 64
    angle = 2 * np.pi * np.arange(n) / n
    field = np.sin(angle)[:, None] * np.cos(2 * angle)[None, :]
    exact = np.stack(
        [
            np.cos(angle)[:, None] * np.cos(2 * angle)[None, :],
            -2 * np.sin(angle)[:, None] * np.sin(2 * angle)[None, :],
        ],
        axis=-1,
    )
    errors = []
    for size, accuracy in [(3, 2), (5, 4)]:
        bank = filter_basis(SQUARE, "1+", size)
        c = np.asarray(
            stencil(bank, "gradient", accuracy, spacing=2 * np.pi / n), float
        )
        kernel = np.tensordot(c, bank.array, 1)
        total = np.zeros_like(exact)
        for cell in np.ndindex(*bank.window):
            shift = tuple(size // 2 - np.array(cell))
            total += np.roll(field, shift, (0, 1))[..., None] * kernel[cell]
        errors.append(np.abs(total - exact).max())
    assert errors[0] < 0.02
    assert errors[1] < errors[0] / 50


def test_a_polynomial_in_the_derivatives_asks_for_what_has_no_name():
    x, y, z = sympy.symbols("x y z")
    up = stencil(filter_basis(UPRIGHT, "0+", 3), z)
    bank = filter_basis(UPRIGHT, "0+", 3)
    kernel = np.tensordot(np.array(up, dtype=float), bank.array, 1)
    np.testing.assert_array_equal(kernel[1, 1], [-0.5, 0, 0.5])
    horizontal = stencil(bank, x**2 + y**2)
    assert sum(c != 0 for c in horizontal) == 2
    named = stencil(filter_basis(SQUARE, "1+", 3), [x, y])
    assert named == stencil(filter_basis(SQUARE, "1+", 3), "gradient")


def test_aliases_and_cases_do_not_matter():
    bank = kernel_basis(SQUARE, "1+", "1+", 3)
    assert stencil(bank, "grad div") == stencil(bank, "Gradient of the Divergence")
    strain = kernel_basis(CUBE, "2s+", "1+", 3)
    assert stencil(strain, "symmetric gradient") == stencil(strain, "strain")


def test_isotropic_subspaces_have_stencils_too():
    space = isotropic(filter_basis(SQUARE, "0+", 3))
    assert stencil(space, "laplacian") == (-4, 1, 0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda b: stencil(b, "gradient"), "Known: 'identity', 'laplacian'"),
        (lambda b: stencil(b, "laplacian", 4), "larger `size`"),
        (lambda b: stencil(b, "laplacian", 0), "`accuracy`"),
        (lambda b: stencil(b, "laplacian", spacing=0), "`spacing`"),
        (lambda b: stencil(b, [1, 0]), "shape"),
        (lambda b: stencil(b, sympy.Symbol("x") ** 2 + 1), "one degree"),
        (lambda b: stencil(b, sympy.Symbol("x")), "no stencil"),
        (lambda b: describe(b, [1.0, 2.0]), "`coefficients` must have shape"),
        (lambda b: describe(b, np.ones((3, 2))), "`coefficients` must have shape"),
    ],
)
def test_bad_input_is_refused_with_what_would_work(build, message):
    with pytest.raises(ValueError, match=message):
        build(filter_basis(SQUARE, "0+", 3))


def test_a_described_stencil_reads_as_its_operator():
    for out, inn, name, text in [
        ("0+", "0+", "laplacian", "h² Laplacian"),
        ("1+", "0+", "gradient", "h gradient"),
        ("0+", "1+", "divergence", "h divergence"),
        ("1+", "1+", "grad div", "h² gradient of the divergence"),
        ("0-", "1+", "curl", "h curl"),
        ("2s+", "1+", "strain", "h strain"),
    ]:
        bank = kernel_basis(SQUARE, out, inn, 3)
        coefficients = [float(c) for c in stencil(bank, name)]
        lines = describe(bank, coefficients, max_degree=2).splitlines()
        assert lines[-1] == f"  ≈ {text} + O(h³)"


def test_description_names_the_filters_it_combines():
    bank = filter_basis(SQUARE, "0+", 3)
    text = describe(bank, [0.2, 0.1, 0.05])
    assert "0+ (scalar) on 3x3, 3 filters" in text
    assert "0.2 [r=0 (0, 0): identity] + 0.1 [r=1 (1, 0): 4 identity + O(h²)]" in text
    assert "≈ 0.8 identity + 0.2 h² Laplacian + 0.0167 h⁴ biharmonic" in text


def test_description_shows_the_largest_pairs_of_channels():
    bank = kernel_basis(SQUARE, "1+", "1+", 3)
    coefficients = np.random.default_rng(0).normal(size=(len(bank), 4, 3))
    coefficients[:, 2, 1] *= 100
    lines = describe(bank, coefficients, max_pairs=2).splitlines()
    assert lines[1] == "12 pairs of channels, the largest 2:"
    assert lines[2] == "out 2 <- in 1"
    assert len(lines) == 2 + 2 * 3
    assert "  = 0" in describe(bank, np.zeros(len(bank)))


def test_a_convolution_is_described_by_pair_of_types():
    key = jax.random.key(0)
    conv = nn.Conv(SQUARE, "0+ 1+", "2x1+", size=3, key=key)
    text = describe(conv)
    assert "1+ (vector) <- 0+ (scalar) on 3x3, 2 filters" in text
    assert "1+ (vector) <- 1+ (vector) on 3x3, 5 filters" in text
    assert text == describe(conv.kernel)
    pair = conv.kernel.coefficients["1+<-0+"]
    assert text.startswith(describe(kernel_basis(SQUARE, "1+", "0+", 3), pair))
    with pytest.raises(ValueError, match=r"geomnet\.nn\.Conv"):
        describe("conv")
    with pytest.raises(ValueError, match=r"geomnet\.nn\.Conv"):
        describe(conv, [1.0])
