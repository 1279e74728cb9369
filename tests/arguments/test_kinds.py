"""What fits an annotation, what does not, and in which words."""

import collections.abc
import fractions
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

import geomnet as gn
from geomnet._arguments import check_kind, checked, shown

SQUARE = gn.hyperoctahedral(2)
FITS = [
    (int, np.int64(3)),
    (float, 3),
    (float, np.float32(0.5)),
    (float, jnp.asarray(0.5)),
    (float | int | fractions.Fraction, fractions.Fraction(1, 2)),
    (int | None, None),
    (bool, np.True_),
    (Sequence[float], np.ones(2)),
    (Sequence[int], [1, np.int32(2)]),
    (Sequence[str], ("a", "b")),
    (tuple[float, float], (1, 2.5)),
    (Mapping[str, int], {"a": 1}),
    (Callable[[int], int], abs),
    (Literal["a", "b"], "a"),
    (gn.Group, SQUARE),
    (Float[Array, "*grid"], np.ones(3)),
    (Float[Array, ""], 0.5),
    (gn.Signature | str, "0+"),
    (gn.Signature | str, [gn.Entry("", 1, gn.TensorType(0, 1))]),
    (Any, object()),
    (collections.abc.Iterable[int], iter([1])),
]
WRONG = [
    (int, True, "an integer, got True"),
    (int, 3.0, "an integer, got 3.0"),
    (float, "1e-3", "a number, got '1e-3'"),
    (float, np.ones(2), r"a number, got ndarray of shape \(2,\)"),
    (bool, 1, "True or False, got 1"),
    (Sequence[str], "ab", "a sequence, each of them a text, got 'ab'"),
    (Sequence[int], np.ones(2), "each of them an integer, got ndarray"),
    (Sequence[str], np.ones(2), "a text, got ndarray"),
    (tuple[float, float], (1.0,), r"\(a number, a number\), got \(1.0,\)"),
    (Mapping[str, int], [1], r"a mapping, such as a dict, got \[1\]"),
    (Callable[[int], int], 3, "a function, got 3"),
    (gn.Group, "square", r"a Group, such as `geomnet.hyperoctahedral\(2\)`"),
    (gn.Group | None, 4, r"`geomnet.hyperoctahedral\(2\)`, got 4"),
    (gn.Signature | str, 3, r"a signature, such as 'density:0\+ velocity:1\+', got 3"),
    (float | np.ndarray, np.ones(2), "a number or an array, got ndarray"),
    (Float[Array, ""], np.ones(2), "got ndarray"),
]


@pytest.mark.parametrize(("kind", "value"), FITS)
def test_what_fits_is_let_through(kind, value):
    check_kind("given", value, kind)


@pytest.mark.parametrize(("kind", "value", "words"), WRONG)
def test_what_does_not_fit_is_refused_with_what_is_expected(kind, value, words):
    with pytest.raises(TypeError, match=f"`given` must be .*{words}"):
        check_kind("given", value, kind)


def test_none_of_some_texts_is_a_wrong_value():
    with pytest.raises(ValueError, match="`given` must be one of 'a', 'b', got 'c'"):
        check_kind("given", "c", Literal["a", "b"])


def test_traced_numbers_fit():
    @checked
    def double(x: float) -> Any:
        return 2 * x

    assert jax.jit(double)(1.5) == 3
    with pytest.raises(TypeError, match="`x` must be a number"):
        jax.jit(double)(jnp.ones(2))


def test_keys_grids_and_dtypes_are_known_by_name():
    @checked
    def draw(grid: tuple[int, ...], *, key: Any = None, dtype: Any = None) -> None: ...

    draw((4, 4), key=jax.random.key(0), dtype="bfloat16")
    draw([4, 4], key=jax.random.PRNGKey(0))  # type: ignore[arg-type]
    draw((4, 4), key=None, dtype=None)  # The defaults are right.
    for wrong, words in [
        ({"grid": 32}, r"such as \(32, 32\), got 32"),
        ({"grid": (4, 4), "key": 7}, r"one random key, `jax.random.key\(7\)`, got 7"),
        ({"grid": (4, 4), "dtype": "int8"}, "floating-point type.*got 'int8'"),
        ({"grid": (4, 4), "dtype": np.int8}, "floating-point type.*got type"),
    ]:
        with pytest.raises(TypeError, match=words):
            draw(**wrong)


def test_python_says_itself_what_is_missing():
    @checked
    def two(a: int, b: int) -> None: ...

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'b'"):
        two(1)  # type: ignore[call-arg]


def test_large_arrays_are_told_by_their_shapes():
    assert shown(np.ones((100, 100))) == "ndarray of shape (100, 100)"
    assert shown(list(range(10**5))) == "list"
