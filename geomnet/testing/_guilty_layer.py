"""The first layer at which a model stops commuting with a group element."""

import dataclasses
from typing import Any

import numpy as np

from .._arguments import checked
from .._equivariance._callables import unwrapped
from .._equivariance._deviation import Unmoved, deviations_of
from .._equivariance._difference import Difference, difference
from .._equivariance._field import Field
from .._equivariance._field_map import FieldMap
from .._equivariance._motion import Motion
from .._group import Group
from .._image import GeometricImage
from ._guilty_line import guilty_line, sizes_by_grid
from ._layer_trace import LayerTrace, Moment


@dataclasses.dataclass(frozen=True)
class LayerDeviation:
    """How far one layer of a model is from commuting, inside the model."""

    path: str
    """Where the layer is in the model, such as `encoders[0].conv`."""
    layer: str
    """Its class."""
    relative: float
    """The largest relative error of what it gives, in `model(g·x)` against
    `model(x)`.
    """
    incoming: float
    """The same of what it is given."""
    parent: str
    """The path of the layer that calls it; `""` if none."""
    caller: str
    """File and line that call it, or `""`."""


@checked
def first_guilty_layer(f: Any, x: Any, element: Any, tolerance: float) -> str:
    """A sentence that names the first layer inside f that does not commute with g.

    The model runs on `x` and on `g·x`; what each layer is given and gives is compared
    in the order in which it happens. Images are compared entry by entry; arrays, whose
    types nobody has declared, by the size of their features in each cell, which every
    group element leaves alone. Where f has no layers that can be told apart, its lines
    are compared, by the sizes of all that is in use at a time.

    **Arguments:** as in `assert_equivariant`; `element` is the `(d, d)` matrix of g,
    and

    - `tolerance`: the relative error from which on a layer is guilty.

    **Raises:** `TypeError` for another kind of argument.
    """
    group = Group.from_generators([element])
    field_map = FieldMap(f, x, group, None, None, -1)
    motion = Motion(field_map.start.grid, np.asarray(element))
    batch: tuple[int, ...] = ()  # One sample: layers take no batch.
    if field_map.start.batch:
        unmoved = Unmoved.of(field_map, field_map(field_map.start))
        (found,) = deviations_of(unmoved, np.asarray(element)[None])
        batch = found.batch
    return guilty_sentence(field_map, motion, tolerance, batch)


def guilty_sentence(
    field_map: FieldMap, motion: Motion, tolerance: float, batch: tuple[int, ...]
) -> str:
    """The same for a map whose signatures are known, at one place of the batch."""
    f, x = field_map.f, field_map.start
    whole, moved_whole = field_map.given(x), field_map.given(motion(x))
    sample = x.with_array(x.array[batch])
    one, moved_one = field_map.given_one(sample), field_map.given_one(motion(sample))
    trace, feature_axis = LayerTrace(), field_map.feature_axis
    try:
        _, clean = trace(unwrapped(f), one if batch else whole)
    except Exception:
        # What is inside takes whole batches, or arguments that are bound outside.
        return guilty_line(field_map, motion, tolerance)
    moments = list(trace.moments)
    try:
        _, moved = trace(unwrapped(f), moved_one if batch else moved_whole)
    except Exception as refusal:
        return f"A layer refuses the moved image: {_brief(refusal)}"
    if not moments:
        return guilty_line(field_map, motion, tolerance)
    if trace.moments != moments:
        return "It takes another way through its layers for the moved image."
    previous: Moment | None = None
    incoming: float | None = 0.0
    for moment, before, after in zip(moments, clean, moved, strict=True):
        found = _worst(before, after, motion, feature_axis)
        if found is not None and not found.relative <= tolerance:
            return _sentence(moment, previous, found, incoming)
        incoming = None if found is None else found.relative
        previous = previous if found is None else moment
    if previous is None:
        return guilty_line(field_map, motion, tolerance)
    return (
        "Each layer gives what it should: look at what is done with the result of "
        f"{_layer(moments[-1])}."
    )


def layer_deviations(
    moments: list[Moment],
    clean: list[Any],
    moved: list[tuple[Motion, list[Any]]],
    feature_axis: int,
) -> list[LayerDeviation]:
    """The largest deviation of every layer over the motions in `moved`."""
    worst: dict[str, list[float]] = {}
    for motion, values in moved:
        for moment, before, after in zip(moments, clean, values, strict=True):
            found = _worst(before, after, motion, feature_axis)
            if found is not None:
                errors = worst.setdefault(moment.path, [0.0, 0.0])
                errors[moment.returns] = _larger(errors[moment.returns], found.relative)
    done = {m.path: m for m in reversed(moments) if m.returns and m.path in worst}
    return [
        LayerDeviation(
            path, m.layer, worst[path][1], worst[path][0], m.parent, m.caller
        )
        for path, m in reversed(done.items())
    ]


def _sentence(
    moment: Moment, previous: Moment | None, found: Difference, incoming: float | None
) -> str:
    where = f"relative error {found.relative:.1e}"
    if found.entry:
        where += f" in entry '{found.entry}'"
    if found.cell:
        where += f" at cell {found.cell}"
    at = f" at {moment.caller}" if moment.caller else ""
    if not moment.returns:
        # Wrong before the layer has seen it: the code around is to blame.
        return (
            f"First guilty layer: `{moment.parent}`, in its own code before it calls "
            f"`{moment.path}`{at}: what it hands over has {where}."
        )
    inner = previous is not None and previous.parent == moment.path
    if inner:
        assert previous is not None
        return (
            f"First guilty layer: {_layer(moment)}, in its own code after it calls "
            f"`{previous.path}` ({previous.caller}): {where}."
        )
    called = f", called{at}" if at else ""
    right = f"is right to {incoming:.0e}" if incoming else "is exactly right"
    if incoming is None:
        right = "can't be compared"
    return (
        f"First guilty layer: {_layer(moment)}{called}: {where}, while what it is "
        f"given {right}. {_advice(incoming or 0.0, found.relative)}"
    ).rstrip()


def _advice(incoming: float, relative: float) -> str:
    if incoming > 0 and relative < 0.05:
        return (
            "If it commutes on its own, it enlarges the rounding of the layers before: "
            "look for a cast to fewer bits, a rounding, a comparison of near-equal "
            "numbers or a division by almost zero."
        )
    return ""


def _layer(moment: Moment) -> str:
    return f"`{moment.path}` ({moment.layer})"


def _larger(a: float, b: float) -> float:
    return b if np.isnan(b) or b > a else a


def _worst(
    before: list[Any], after: list[Any], motion: Motion, feature_axis: int
) -> Difference | None:
    """The largest difference among the arrays of one moment; `None` without any."""
    found = []
    for y, moved in zip(before, after, strict=False):
        is_image = isinstance(y, GeometricImage)
        if is_image:
            clean, got = Field.of(y), Field.of(moved)
        else:
            is_last = feature_axis == -1
            sizes = sizes_by_grid([np.asarray(y)], motion.grid, is_last)
            others = sizes_by_grid([np.asarray(moved)], motion.moved_grid, is_last)
            if not sizes or not others:
                continue
            clean, got = sizes[0], others[0]
        try:
            expected = motion(clean)
        except ValueError:
            # A shift by a fraction of a coarse cell: nothing to compare.
            continue
        if got.array.shape != expected.array.shape:
            found.append(Difference(float("inf"), "", (), ()))
            continue
        here = difference(got, expected)
        found.append(here if is_image else dataclasses.replace(here, entry=""))
    return max(
        found,
        key=lambda d: float("inf") if np.isnan(d.relative) else d.relative,
        default=None,
    )


def _brief(refusal: Exception) -> str:
    text = str(refusal).strip().split("\n")[0]
    return f"{type(refusal).__name__}: {text[:300]}"
