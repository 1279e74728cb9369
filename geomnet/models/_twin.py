"""The plain baseline: the same model under the trivial group."""

import functools
import math
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar, get_args, runtime_checkable

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from .._arguments import checked
from .._group import Group, trivial
from .._signature import Signature
from ._cost import count_flops, count_parameters

Match = Literal["components", "parameters", "flops"]

# A twin of so many times more or less is none.
_NEAR = 2.0
# Sides on which arithmetic is counted unless told: a UNet of depth 4 takes them.
_SIDES = {1: 256, 2: 64, 3: 16}


@runtime_checkable
class Rebuildable(Protocol):
    """A model that can be built again under another group."""

    @property
    def group(self) -> Group:
        """The group that the model commutes with."""
        ...

    @property
    def in_signature(self) -> Signature:
        """What the model takes."""
        ...

    @property
    def hidden(self) -> Signature:
        """The fields inside."""
        ...

    def __call__(self, image: Any, /) -> Any:
        """The model's prediction."""
        ...

    def like(self, *, group: Group, hidden: Any, key: PRNGKeyArray) -> Any:
        """The same architecture under `group`, with the fields `hidden`."""
        ...


M = TypeVar("M", bound=Rebuildable)


@checked
def twin(
    model: M,
    match: Match = "components",
    *,
    grid: tuple[int, ...] | None = None,
    key: PRNGKeyArray | None = None,
) -> M:
    """The non-equivariant twin: the same class under `trivial(d)`, of equal size.

    Every component is then a scalar of its own and every kernel is free.

    **Arguments:**

    - `model`: a network of geomnet, or wrappers around one.
    - `match`: `"components"` gives it as many numbers per cell as the model has inside,
        and so the memory of its fields; `"parameters"` the width whose number of
        parameters is nearest, `"flops"` the one whose arithmetic is nearest, as
        `count_flops` counts it.
    - `grid`: where `"flops"` counts; by default 64 cells a side, 256 in one dimension
        and 16 in three. It matters: on a CPU wide layers on large grids do less
        arithmetic than a dense convolution.
    - `key`: draws its parameters; by default a fixed key.

    **Raises:** `ValueError` if `match` is unknown, `grid` does not fit it or the model,
    or no width comes near; `TypeError` if the model can't be built again.
    """
    if match not in get_args(Match):
        raise ValueError(f"`match` must be one of {get_args(Match)}, got {match!r}.")
    if not isinstance(model, Rebuildable):
        raise TypeError(
            f"`model` must have `group`, `in_signature`, `hidden` and `like`, as the "
            f"networks of `geomnet.models` have; {type(model).__name__} has not. Build "
            "a single layer under `geomnet.trivial(d)` instead."
        )
    key = jax.random.key(0) if key is None else key
    d = model.group.num_spatial_dims
    plain = trivial(d)

    def build(width: int) -> M:
        return model.like(group=plain, hidden=f"{width}x0+", key=key)

    if match == "flops":
        cells = (_SIDES[d],) * d if grid is None else grid
        measure = functools.partial(count_flops, grid=cells)
    elif grid is not None:
        raise ValueError(
            f"`grid` is where arithmetic is counted, and `match` is {match!r}: leave "
            'it out, or match "flops".'
        )
    else:
        measure = count_parameters
    width = model.hidden.features(d)
    if match != "components":
        wanted = measure(model)
        width, found = _nearest_width(
            lambda n: measure(eqx.filter_eval_shape(build, n)), wanted, width
        )
        if not wanted / _NEAR <= found <= wanted * _NEAR:
            raise ValueError(
                f"No twin has as many {match} as the model's {wanted:.3g}: the nearest,"
                f" with {width} hidden components, has {found:.3g}. Match "
                '"components".'
            )
    return build(width)


def _nearest_width(
    measure: Callable[[int], float], wanted: int | float, likely: int
) -> tuple[int, float]:
    """The width whose measure is nearest to what is wanted, and that measure, which
    grows with the width.
    """
    measure = functools.cache(measure)
    low, high = 0, likely
    while measure(high) < wanted:
        low, high = high, 2 * high
    while high - low > 1:
        # A measure grows about as the square of the width: its root is a line.
        start, end = (math.sqrt(measure(n)) if n else 0.0 for n in (low, high))
        share = (math.sqrt(wanted) - start) / (end - start)
        guess = min(max(low + round(share * (high - low)), low + 1), high - 1)
        low, high = (guess, high) if measure(guess) < wanted else (low, guess)
    width = min((n for n in (low, high) if n), key=lambda n: abs(measure(n) - wanted))
    return width, float(measure(width))
