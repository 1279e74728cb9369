"""What fits an annotation, what does not, and in which words."""

import collections.abc
import fractions
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

import geomnet as gn

# Functions that are checked lie inside of tests: the arguments are the packages' own.
pytestmark = pytest.mark.usefixtures("no_type_checks")

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
    (collections.abc.Iterable[int], np.arange(3)),
    (float | np.ndarray, np.asarray(0.5)),
    (jax.Array, np.ones(2)),
    (None, None),
    (Sequence[int | None], np.arange(3)),
    (Sequence[tuple[int, int]], [(1, 2)]),
    (Sequence[Any], np.ones(2)),
    (np.random.Generator, "looked at where it is used"),
    (Literal[1], 1),
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
    (Float[Array, "*grid d"], "abc", r"an array \(\*grid d\), got 'abc'"),
    (Float[Array, "..."], 3, r"an array \(\.\.\.\), got 3"),
    (jax.Array, [1.0], r"an array, got \[1.0\]"),
    (float, jnp.ones(2), r"a number, got \w+ of shape \(2,\)"),
    (Literal["a", 1], True, "one of 'a', 1, got True"),
    (Sequence[bool], np.arange(3), "each of them True or False, got ndarray"),
    (Sequence[int], np.asarray(1), "each of them an integer, got ndarray"),
    (Sequence[str], iter("ab"), "each of them a text, got str_a"),
    (tuple, 3, "a tuple, got 3"),
    (collections.abc.Iterable[int], 3, "each of them an integer, got 3"),
    (gn.TensorType | str, 3, r"such as '0\+' or '1-', got 3"),
    (str | os.PathLike[str], 3, "the path of a file, got 3"),
    (int | None | str, 1.5, "an integer or a text, got 1.5"),
    (gn.nn.Boundary | tuple, "wall", r"a `geomnet.nn.Boundary`, such as .*got 'wall'"),
    (None, 3, "None, got 3"),
    (gn.nn.Conv, 3, "a Conv, got 3"),
]


@pytest.fixture(params=["geomnet", "pde_data"])
def own(request):
    """The checks of a package; both have the same, in a file of their own."""
    return importlib.import_module(f"{request.param}._arguments")


@pytest.mark.parametrize(("kind", "value"), FITS)
def test_what_fits_is_let_through(own, kind, value):
    own.check_kind("given", value, kind)


@pytest.mark.parametrize(("kind", "value", "words"), WRONG)
def test_what_does_not_fit_is_refused_with_what_is_expected(own, kind, value, words):
    with pytest.raises(TypeError, match=f"`given` must be .*{words}"):
        own.check_kind("given", value, kind)


def test_none_of_some_texts_is_a_wrong_value(own):
    with pytest.raises(ValueError, match="`given` must be one of 'a', 'b', got 'c'"):
        own.check_kind("given", "c", Literal["a", "b"])


def test_traced_numbers_fit(own):
    @own.checked
    def double(x: float) -> Any:
        return 2 * x

    assert jax.jit(double)(1.5) == 3
    with pytest.raises(TypeError, match="`x` must be a number"):
        jax.jit(double)(jnp.ones(2))


def test_keys_grids_and_dtypes_are_known_by_name(own):
    @own.checked
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


def test_python_says_itself_what_is_missing(own):
    @own.checked
    def two(a: int, b: int) -> None: ...

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'b'"):
        two(1)  # type: ignore[call-arg]


def test_large_arrays_are_told_by_their_shapes(own):
    assert own.shown(np.ones((100, 100))) == "ndarray of shape (100, 100)"
    assert own.shown(list(range(10**5))) == "list"


def test_every_one_of_several_is_looked_at(own):
    """Those in a row are of one kind; those by names that are not known are let by."""

    def added(*numbers: int, label: str = "", **rest: int) -> int:
        return sum(numbers)

    total: Any = own.checked(added)

    assert total(1, 2, label="a", other="anything") == 3
    with pytest.raises(TypeError, match="`numbers` must be an integer, got 'b'"):
        total(1, "b")
    with pytest.raises(TypeError, match="`label` must be a text, got 3"):
        total(label=3)


def test_what_is_annotated_for_type_checkers_alone_is_let_through(own):
    def drawn(figure: "Figure", bare, size: "int | None" = None): ...  # type: ignore # noqa: F821

    named: Any = own.checked(drawn)
    named(3, object())
    with pytest.raises(TypeError, match="`size` must be a positive integer, or one"):
        named(3, 4, "large")


def test_counts_and_positive_numbers(own):
    own.check_count("n", np.int64(1))
    own.check_count("n", 0, at_least=0)
    for wrong, least, words in (
        (0, 1, "a positive integer, got 0"),
        (True, 1, "a positive integer, got True"),
        (1.0, 1, "a positive integer, got 1.0"),
        (-1, 0, "an integer, 0 or more, got -1"),
    ):
        with pytest.raises(ValueError, match=f"`n` must be {words}"):
            own.check_count("n", wrong, at_least=least)
    assert own.checked_positive("x", 0.5) == 0.5
    for wrong in (0.0, -1, float("nan")):
        with pytest.raises(ValueError, match=f"`x` must be positive, got {wrong}: why"):
            own.checked_positive("x", wrong, "why")
    with pytest.raises(ValueError, match=r"`x` must be positive, got 0\.$"):
        own.checked_positive("x", 0)
    with pytest.raises(TypeError, match="`x` must be a number, got '1'"):
        own.checked_positive("x", "1")
    with pytest.raises(TypeError, match="`x` must be a number, got True"):
        own.check_number("x", True)


def test_a_grid_is_of_numbers_and_not_of_symbols(own):
    own.check_grid("grid", (4, np.int64(6)))
    for wrong, words in ((32, r"\(32, 32, 32\), got 32"), ((), r"got \(\)")):
        with pytest.raises(TypeError, match=f"`grid` must hold the cells .*{words}"):
            own.check_grid("grid", wrong, 3)
    (side,) = jax.export.symbolic_shape("n")
    with pytest.raises(TypeError, match="a program is exported for one grid"):
        own.check_grid("grid", (side, 4))


def test_axes_shapes_keys_and_dtypes(own):
    own.check_axis("axis", 1, 2)
    for wrong in (-1, 2):
        with pytest.raises(
            ValueError, match=f"`axis` must be from 0 to 1, got {wrong}"
        ):
            own.check_axis("axis", wrong, 2)
    own.check_same_shape(a=np.ones(2), b=jnp.ones(2))
    words = r"`a` and `b` must have the same shape, got \(2,\) and \(3,\)"
    with pytest.raises(ValueError, match=words):
        own.check_same_shape(a=np.ones(2), b=np.ones(3))
    for wrong in (jax.random.split(jax.random.key(0), 2), "0", np.ones(2)):
        with pytest.raises(TypeError, match=r"one random key, `jax.random.key\(0\)`"):
            own.check_key("key", wrong)
    for wrong in ("flaot32", "int8", None):
        with pytest.raises(TypeError, match="`dtype` must be a floating-point type"):
            own.check_dtype("dtype", wrong)
    assert own.named_dtype("int8") == np.int8


def test_values_in_messages_are_short(own):
    assert own.shown((1, "a")) == "(1, 'a')"
    assert own.shown(None) == "None"
    assert own.shown({"a": 1}) == "dict"
    assert own.shown(np.ndarray) == "type"
