"""Checks of arguments, with one voice: what is expected, what was given, the mend.

The same file is in `geomnet` and in `pde_data`, which do not import each other.
"""

import collections.abc
import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, TypeVar, Union

import jax
import jax.export
import jax.numpy as jnp
import jaxtyping
import numpy as np

# What pytest shows of a refusal is the test, not this source.
__tracebackhide__ = True

F = TypeVar("F", bound=Callable[..., Any])

# By the name of a class, so that nothing of a package is imported here.
_EXAMPLES = {
    "CompressibleNavierStokes": (
        "a solver, such as `pde_data.CompressibleNavierStokes((64, 64))`"
    ),
    "Primitive": "a state, such as `pde_data.primitive(density, velocity, pressure)`",
    "FlowData": "a data set, as `pde_data.load(path)` gives",
    "Grid": "a Grid, such as `pde_data.Grid((64, 64))`",
    "Group": "a Group, such as `geomnet.hyperoctahedral(2)`",
    "GeometricImage": (
        "a GeometricImage; `geomnet.GeometricImage(signature, array)` says what the "
        "features of an array are"
    ),
    "Signature": "a Signature",
    "Normaliser": "a Normaliser, as `geomnet.fit_normaliser` gives",
    "Units": "a `geomnet.Units`, such as `geomnet.flow_units()`",
    "UnitNormaliser": "a UnitNormaliser, as `geomnet.fit_unit_normaliser` gives",
    "TensorType": "a TensorType",
    "FilterBank": "a FilterBank, as `geomnet.filter_basis` gives",
    "Representation": "a `geomnet.Representation(group, signature)`",
    "ndarray": "an array",
    "Array": "an array",
    "int": "an integer",
    "float": "a number",
    "bool": "True or False",
    "str": "a text",
    "type": "a class",
    "NoneType": "None",
}
# The classes of other libraries are looked at where they are used.
_KNOWN = ("builtins", "geomnet", "pde_data", "fractions", "pathlib")
# What the kind alone does not say, by the argument's name.
_NAMED = {
    "size": "a positive integer, or one for each axis",
    "folder": "the path of a folder",
}
_SEQUENCES = (tuple, list, collections.abc.Sequence, collections.abc.Iterable)
_MAPPINGS = (dict, collections.abc.Mapping)


def checked(function: F) -> F:
    """The function, which refuses arguments of another kind than its annotations say.

    Kinds alone: what a number may be is for the function to say. `key`, `grid` and
    `dtype` are known by their names. What is annotated as `Any` is let through.

    **Raises:** when it is called, `TypeError` that names the argument, what it must be
    and what was given; `ValueError` for none of some literals.
    """
    signature = inspect.signature(function)

    @functools.cache
    def kinds() -> dict[str, Any]:
        # At the first call, when names that stand in quotes are defined.
        return {
            name: _evaluated(parameter.annotation, function)
            for name, parameter in signature.parameters.items()
        }

    @functools.wraps(function)
    def checking(*args: Any, **kwargs: Any) -> Any:
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:
            return function(*args, **kwargs)  # Python's own words name the argument.
        for name, value in given.items():
            parameter = signature.parameters[name]
            if value is parameter.default:
                continue
            if parameter.kind is parameter.VAR_POSITIONAL:
                for one in value:
                    check_kind(name, one, kinds()[name])
            elif parameter.kind is not parameter.VAR_KEYWORD:
                check_kind(name, value, kinds()[name])
        return function(*args, **kwargs)

    return typing.cast(F, checking)


def check_kind(name: str, value: object, kind: Any) -> None:
    """**Raises:** `TypeError` unless the value is of a kind, written as an annotation;
    `ValueError` if it is none of some literals.
    """
    if name == "key":
        check_key(name, value)
    elif name == "dtype":
        check_dtype(name, value)
    elif name == "grid" and kind == tuple[int, ...]:
        check_grid(name, value)
    elif not _fits(value, kind):
        is_choice = typing.get_origin(kind) is Literal and isinstance(value, str)
        wrong = ValueError if is_choice else TypeError
        words = _NAMED.get(name) or _words(kind)
        raise wrong(f"`{name}` must be {words}, got {shown(value)}.")


def shown(value: object) -> str:
    """A value in a message: short, and an array by its shape."""
    if _is_array(value):
        return f"{type(value).__name__} of shape {tuple(np.shape(value))}"  # type: ignore[arg-type]
    if value is None or isinstance(value, bool | int | float | complex | str):
        return repr(value)
    if isinstance(value, tuple | list) and len(text := repr(value)) < 80:
        return text
    return type(value).__name__


def check_count(name: str, value: int, *, at_least: int = 1) -> None:
    """**Raises:** `ValueError` unless the value is an integer and not too small."""
    if not is_integer(value) or value < at_least:
        kind = (
            "a positive integer" if at_least == 1 else f"an integer, {at_least} or more"
        )
        raise ValueError(f"`{name}` must be {kind}, got {shown(value)}.")


def is_integer(value: object) -> bool:
    """Whether a value is an integer, of Python or NumPy; `True` is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def checked_positive(name: str, value: float, reason: str = "") -> float:
    """The value. **Raises:** `ValueError` unless it is above zero; NaN is not.

    **Arguments:** `reason`: what goes wrong otherwise, for the message.
    """
    check_number(name, value)
    if not value > 0:
        because = f": {reason}" if reason else ""
        raise ValueError(f"`{name}` must be positive, got {value}{because}.")
    return value


def check_grid(name: str, value: object, num_spatial_dims: int = 2) -> None:
    """**Raises:** `TypeError` unless the value is a tuple of whole numbers of cells."""
    sides = value if isinstance(value, tuple | list) else ()
    if any(jax.export.is_symbolic_dim(n) for n in sides):
        raise TypeError(
            f"`{name}` must hold numbers of cells, got {value!r}: where windows lie "
            "depends on the sides, so a program is exported for one grid, of which "
            "only batch axes may be symbolic. Export one program for each grid."
        )
    if not sides or not all(isinstance(n, int | np.integer) for n in sides):
        side = value if isinstance(value, int) else 32
        raise TypeError(
            f"`{name}` must hold the cells along each axis, such as "
            f"{(side,) * num_spatial_dims}, got {shown(value)}."
        )


def check_number(name: str, value: object) -> None:
    """**Raises:** `TypeError` unless the value is one real number, and no text."""
    if not _is_number(value):
        raise TypeError(f"`{name}` must be a number, got {shown(value)}.")


def check_key(name: str, value: object) -> None:
    """**Raises:** `TypeError` unless the value is a random key."""
    dtype = getattr(value, "dtype", None)
    is_typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    is_raw = dtype == np.uint32 and getattr(value, "ndim", 0) == 1
    if not ((is_typed and getattr(value, "ndim", 0) == 0) or is_raw):
        mend = f"jax.random.key({value if is_integer(value) else 0})"
        raise TypeError(
            f"`{name}` must be one random key, `{mend}`, got {shown(value)}."
        )


def check_axis(name: str, value: int, count: int) -> None:
    """**Raises:** `ValueError` unless the value is one of so many axes."""
    if not 0 <= value < count:
        raise ValueError(f"`{name}` must be from 0 to {count - 1}, got {value}.")


def check_same_shape(**arrays: Any) -> None:
    """**Raises:** `ValueError` unless arrays have one shape."""
    shapes = {name: np.shape(array) for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        names = " and ".join(f"`{name}`" for name in shapes)
        given = " and ".join(map(str, shapes.values()))
        raise ValueError(f"{names} must have the same shape, got {given}.")


def check_dtype(name: str, value: Any) -> None:
    """**Raises:** `TypeError` unless the value names a floating-point type."""
    if floating_dtype(value) is None:
        raise TypeError(
            f"`{name}` must be a floating-point type, such as 'float32', got "
            f"{shown(value)}."
        )


def named_dtype(value: Any) -> Any:
    """The type of arrays that a value names, or `None`."""
    try:
        return None if value is None else jnp.dtype(value)
    except TypeError:
        return None


def floating_dtype(value: Any) -> Any:
    """The floating-point type that a value names, or `None`."""
    found = named_dtype(value)
    return found if found is not None and jnp.issubdtype(found, jnp.floating) else None


def _evaluated(annotation: Any, function: Callable) -> Any:
    if annotation is inspect.Parameter.empty:
        return Any
    if isinstance(annotation, str):
        try:
            # That of the function inside of `jax.jit` and the like.
            names = getattr(inspect.unwrap(function), "__globals__", {})
            return eval(annotation, names)
        except NameError:  # Known to type checkers alone.
            return Any
    return annotation


def _is_number(value: object) -> bool:
    if isinstance(value, bool | np.bool_):
        return False
    if isinstance(value, int | float | np.integer | np.floating):
        return True
    # One of JAX, which may be traced.
    dtype = getattr(value, "dtype", None)
    return isinstance(value, jax.Array | np.ndarray) and bool(
        value.ndim == 0 and dtype is not None and jnp.issubdtype(dtype, jnp.number)
    )


def _is_array(value: object) -> bool:
    return not isinstance(value, type) and (
        hasattr(value, "shape") and hasattr(value, "dtype")
    )


def _is_jaxtyped(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, jaxtyping.AbstractArray)


def _fits(value: Any, kind: Any) -> bool:
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or isinstance(kind, TypeVar | str | typing.ForwardRef):
        return True
    if kind is None:
        return value is None
    if origin in (Union, types.UnionType):
        # An array beside a number is one without axes.
        kinds = [one for one in inside if one is not np.ndarray or float not in inside]
        return any(_fits(value, one) for one in kinds)
    if origin is Literal:
        return any(value is one or _is_equal(value, one) for one in inside)
    if origin is collections.abc.Callable or kind is collections.abc.Callable:
        return callable(value)
    if origin in _MAPPINGS:
        return isinstance(value, collections.abc.Mapping)
    if origin in _SEQUENCES:
        return _is_sequence(value, origin, inside)
    if origin is not None:
        return isinstance(value, origin)
    if kind is float:
        return _is_number(value)
    if kind is int:
        return is_integer(value)
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    if _is_jaxtyped(kind):
        return _is_number(value) if kind.dim_str == "" else _is_array(value)
    if kind in (jax.Array, np.ndarray):
        return _is_array(value)
    if not isinstance(kind, type) or kind.__module__.partition(".")[0] not in _KNOWN:
        return True
    if kind.__name__ == "Signature" and isinstance(value, tuple | list):
        return True  # Of entries, which `Signature` looks at.
    return isinstance(value, kind)


def _is_equal(value: Any, literal: Any) -> bool:
    return type(value) is type(literal) and value == literal


def _is_sequence(value: Any, origin: Any, inside: tuple[Any, ...]) -> bool:
    if isinstance(value, np.ndarray | jax.Array):
        return value.ndim > 0 and all(_may_be_in(value.dtype, one) for one in inside)
    if isinstance(value, str | bytes):
        return False
    if origin is not collections.abc.Iterable:
        if not isinstance(value, collections.abc.Sequence):
            return False
        if origin is tuple and inside and inside[-1] is not ...:
            return len(value) == len(inside) and all(map(_fits, value, inside))
        return all(_fits(one, kind) for one in value for kind in inside[:1])
    return isinstance(value, collections.abc.Iterable)


def _may_be_in(dtype: Any, kind: Any) -> bool:
    """Whether an array of this type may stand for a sequence of a kind."""
    if kind in (int, bool):
        return bool(jnp.issubdtype(dtype, jnp.integer if kind is int else jnp.bool_))
    inside = typing.get_args(kind)
    is_union = typing.get_origin(kind) in (Union, types.UnionType, *_SEQUENCES)
    if is_union and inside:
        return any(_may_be_in(dtype, one) for one in inside)
    return kind in (Any, float, ...)


def _words(kind: Any) -> str:
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if kind is None:
        return "None"
    if origin in (Union, types.UnionType):
        names = {getattr(one, "__name__", "") for one in inside}
        if {"Signature", "str"} <= names:
            return "a signature, such as 'density:0+ velocity:1+'"
        if {"TensorType", "str"} <= names:
            return "a tensor type. A tensor type is a text such as '0+' or '1-'"
        if {"PathLike", "str"} <= names:
            return "the path of a file"
        if "Boundary" in names:
            return (
                "a `geomnet.nn.Boundary`, such as `geomnet.nn.Boundary.ZERO`, or for "
                "each axis one or a pair `(low, high)`"
            )
        kinds = [one for one in inside if one is not type(None)]
        return " or ".join(dict.fromkeys(map(_words, kinds)))
    if origin is Literal:
        return "one of " + ", ".join(map(repr, inside))
    if origin is collections.abc.Callable or kind is collections.abc.Callable:
        return "a function"
    if origin in _MAPPINGS:
        return "a mapping, such as a dict"
    if origin in _SEQUENCES:
        if origin is tuple and inside and inside[-1] is not ...:
            return "(" + ", ".join(map(_words, inside)) + ")"
        return f"a sequence, each of them {_words(inside[0])}" if inside else "a tuple"
    if _is_jaxtyped(kind):
        return "an array" + (f" ({kind.dim_str.strip()})" if kind.dim_str else "")
    # JAX has a module in the name of its class.
    name = getattr(origin or kind, "__name__", str(kind)).rpartition(".")[2]
    return _EXAMPLES.get(name, f"a {name}")
