"""The first layer at which a model stops commuting with a group element."""

import dataclasses
from typing import Any

import numpy as np

from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._adapter import FieldMap, like, unwrapped
from ._layers import LayerTrace, Moment
from ._moving import Difference, Field, difference


@dataclasses.dataclass(frozen=True)
class LayerError:
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


def first_guilty_layer(f: Any, x: Any, element: Any, tolerance: float) -> str:
    """A sentence that names the first layer inside f that does not commute with g.

    The model runs on `x` and on `g·x`; what each layer is given and gives is compared
    in the order in which it happens. Images are compared entry by entry; arrays, whose
    types nobody has declared, by the size of their features in each cell, which every
    group element leaves alone.

    **Arguments:** as in `assert_equivariant`; `element` is the `(d, d)` matrix of g.
    """
    group = Group.from_generators([np.asarray(element).tolist()])
    field_map = FieldMap(f, x, group, None, None, -1)
    return guilty_sentence(field_map, np.asarray(element), tolerance, ())


def guilty_sentence(
    field_map: FieldMap,
    element: np.ndarray,
    tolerance: float,
    batch: tuple[int, ...],
    feature_axis: int = -1,
) -> str:
    """The same for a map whose signatures are known, at one place of the batch."""
    model = unwrapped(field_map.f)
    trace = LayerTrace()
    x = field_map.start
    x = x.with_array(x.array[batch])
    if batch:
        feature_axis = feature_axis if feature_axis < 0 else feature_axis - len(batch)

    def given(field: Field) -> Any:
        if not batch:
            return field_map.given(field)
        if isinstance(field_map._like, GeometricImage):
            return field.image()
        if hasattr(field_map._like, "ndim"):
            return like(field, field_map._like, feature_axis)
        return None

    if batch and given(x) is None:
        return "Its layers can't be told apart in a batch: check one sample."
    try:
        _, clean = trace(model, given(x))
        moments = list(trace.moments)
        _, moved = trace(model, given(x.moved(element)))
    except Exception as refusal:
        return f"A layer refuses the moved image: {refusal}"
    if not moments:
        return (
            "Its parts can't be told apart: write it as an `equinox.Module` of layers, "
            "or check its helper functions one by one."
        )
    if trace.moments != moments:
        return "It takes another way through its layers for the moved image."
    previous: Moment | None = None
    incoming = 0.0
    for moment, before, after in zip(moments, clean, moved, strict=True):
        found = _worst(before, after, element, feature_axis)
        if found is not None and not found.relative <= tolerance:
            return _sentence(moment, previous, found, incoming)
        if found is not None:
            incoming = found.relative
            previous = moment
    return (
        "Each layer gives what it should: look at what is done with the result of "
        f"{_layer(moments[-1])}."
        if previous is not None
        else "Its layers can't be compared: none takes or gives images."
    )


def layer_errors(
    moments: list[Moment],
    clean: list[Any],
    moved: list[tuple[np.ndarray, list[Any]]],
    feature_axis: int,
) -> list[LayerError]:
    """The largest errors of every layer over the elements in `moved`."""
    worst: dict[str, list[float]] = {}
    for element, values in moved:
        for moment, before, after in zip(moments, clean, values, strict=True):
            found = _worst(before, after, element, feature_axis)
            if found is not None:
                errors = worst.setdefault(moment.path, [0.0, 0.0])
                errors[moment.returns] = _larger(errors[moment.returns], found.relative)
    done = {m.path: m for m in reversed(moments) if m.returns and m.path in worst}
    return [
        LayerError(path, m.layer, worst[path][1], worst[path][0], m.parent, m.caller)
        for path, m in reversed(done.items())
    ]


def _sentence(
    moment: Moment, previous: Moment | None, found: Difference, incoming: float
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
    return (
        f"First guilty layer: {_layer(moment)}{called}: {where}, while what it is "
        f"given is right to {incoming:.0e}. {_advice(incoming, found.relative)}"
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
    before: list[Any], after: list[Any], element: np.ndarray, feature_axis: int
) -> Difference | None:
    """The largest difference among the arrays of one moment; `None` without any."""
    found = []
    for y, moved in zip(before, after, strict=False):
        if isinstance(y, GeometricImage):
            expected, got = Field.of(y).moved(element), Field.of(moved)
        else:
            sizes = (
                _sizes(y, element, feature_axis),
                _sizes(moved, element, feature_axis),
            )
            if sizes[0] is None or sizes[1] is None:
                continue
            expected, got = sizes[0].moved(element), sizes[1]
        if got.array.shape != expected.array.shape:
            found.append(Difference(float("inf"), "", (), ()))
            continue
        difference_here = difference(got, expected)
        if not isinstance(y, GeometricImage):
            difference_here = dataclasses.replace(difference_here, entry="")
        found.append(difference_here)
    return max(
        found,
        key=lambda d: float("inf") if np.isnan(d.relative) else d.relative,
        default=None,
    )


def _sizes(array: Any, element: np.ndarray, feature_axis: int) -> Field | None:
    """The norm of the features in each cell: a scalar, whatever the features are."""
    d = len(element)
    array = np.asarray(array).astype(np.float64)
    if array.ndim == d + 1:
        norms = np.sqrt(np.square(array).sum(axis=feature_axis))
    elif array.ndim == d:
        norms = np.abs(array)
    elif array.ndim < d:
        norms = np.sqrt(np.square(array).sum()).reshape((1,) * d)
    else:
        return None
    return Field(Signature("0+"), norms[..., None], d)
