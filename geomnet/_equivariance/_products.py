"""How exact products are here: measured, and chosen."""

import contextlib
import functools
from collections.abc import Hashable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_MEASURED = ("float32", "bfloat16", "float16")

# Below this, products of float32 are as good as those of float32 can be: sums of a few
# hundred terms round to 6e-7; fewer bits in the factors give 1e-5 (bfloat16 in three
# parts), 3e-4 (TF32) or 3e-3 (bfloat16).
_FULL = 3e-6


@contextlib.contextmanager
def products_in(precision: str | None) -> Iterator[None]:
    """Products and convolutions done in a precision, for a `with` block or a function.

    **Arguments:** `precision`: as in `jax.default_matmul_precision`; `None` leaves it
    as it is, and so does `"highest"` where products are full already, so that nothing
    is compiled again.

    **Raises:** `ValueError` if JAX knows no such precision.
    """
    if precision is None or (precision == "highest" and are_full()):
        yield
        return
    try:
        setting = jax.default_matmul_precision(precision)
        setting.__enter__()
    except ValueError as error:
        raise ValueError(
            "`precision` must be one of `jax.default_matmul_precision`, such as "
            f"'highest', 'high' or 'default', or None, got {precision!r}."
        ) from error
    try:
        yield
    finally:
        setting.__exit__(None, None, None)


def are_full() -> bool:
    """Whether products of float32 round no more than float32 does, as JAX is set."""
    return rounding_of_products(jnp.float32) < _FULL


def products_in_words() -> str:
    """How products of float32 are done as JAX is set, for a report."""
    rounding = rounding_of_products(jnp.float32)
    return "in full" if rounding < _FULL else f"rounded to {rounding:.0e}"


def rounding_of_products(dtype: Any, precision: Hashable = None) -> float:
    """The error of a product and of a convolution over the largest number in it.

    Measured on this backend, against doubles on the host: what a backend makes of a
    precision it alone knows. Compiled once for each precision.

    **Arguments:** `precision`: as an equation of a traced program has it; `None` is
    what JAX is set to.

    **Returns:** 0 for types whose products are always done in full.
    """
    name = jnp.dtype(dtype).name
    if name not in _MEASURED:
        return 0.0
    given, exact = _task(name)
    # Inside of a trace too; and arguments, since XLA folds constants in full precision.
    with jax.ensure_compile_time_eval():
        found = _products(*map(jax.device_put, given), precision=precision)
    return max(
        float(np.abs(np.asarray(one, np.float64) - other).max() / np.abs(other).max())
        for one, other in zip(jax.device_get(found), exact, strict=True)
    )


@functools.lru_cache(maxsize=len(_MEASURED))
def _task(name: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What is multiplied and convolved, and what that gives in doubles.

    Wide enough that matrix units do it, as they do the products of a network.
    """
    random = np.random.default_rng(0)
    shapes = [(64, 64)] * 2 + [(1, 8, 8, 32), (3, 3, 32, 32)]
    given = [random.normal(size=shape).astype(name) for shape in shapes]
    left, right, image, kernel = (array.astype(np.float64) for array in given)
    windows = np.lib.stride_tricks.sliding_window_view(image[0], (3, 3), axis=(0, 1))
    convolved = np.einsum("xycij,ijco->xyo", windows, kernel, optimize=True)
    return given, [left @ right, convolved]


@functools.partial(jax.jit, static_argnames="precision")
def _products(
    left: jax.Array,
    right: jax.Array,
    image: jax.Array,
    kernel: jax.Array,
    precision: Any,
) -> list[jax.Array]:
    product = jnp.matmul(left, right, precision=precision)
    convolved = jax.lax.conv_general_dilated(
        image,
        kernel,
        (1, 1),
        "VALID",
        dimension_numbers=("NXYC", "XYIO", "NXYC"),
        precision=precision,
    )
    return [product, convolved[0]]
