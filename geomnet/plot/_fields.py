"""Pictures of fields and rollouts: one artist per field, x to the right, y upwards."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._arguments import check_count, checked, is_integer, shown
from .._image import GeometricImage
from .._signature import Signature, TensorType
from ._styles import BEYOND

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_ARROWS = 20


@checked
def field(
    axes: "Axes",
    image: GeometricImage,
    name: str,
    *,
    channel: int = 0,
    limits: tuple[float, float] | None = None,
    extent: Sequence[float] | None = None,
    units: Mapping[str, str] | None = None,
) -> Any:
    """Draws one field of a 2D image: colour for a scalar, arrows on speed for a vector.

    x points to the right and y upwards. Cells beyond the `limits` have colours of their
    own, and a colour bar of the artist has arrows for them.

    **Arguments:**

    - `axes`: of Matplotlib, to draw in.
    - `image`: `(*grid, features)`, in 2D.
    - `name`: an entry of the signature, or a type such as `"1+"`.
    - `channel`: which one, of several.
    - `limits`: the range of colours, by default that of the field, centred on zero for
        a pseudoscalar.
    - `extent`: the box, `(x_low, x_high, y_low, y_high)`; by default cells are counted.
    - `units`: that of lengths, as `{"length": "m"}`, written at the axes.

    **Returns:** the image artist, for a colour bar.

    **Raises:** `ValueError` for other dimensions, axes of batch or time, tensors of
    order 2 and more, or a name that the image has not.
    """
    if not hasattr(axes, "imshow"):
        raise TypeError(
            "`axes` must be axes of matplotlib, such as `matplotlib.pyplot.gca()`, got "
            f"{shown(axes)}."
        )
    tensor_type = _type_of(image.signature, name)
    axes_given = np.ndim(image.array)
    if image.num_spatial_dims != 2 or axes_given != 3 or tensor_type.order > 1:
        raise ValueError(
            f"`image` must be one frame in 2D, (x, y, features), and '{name}' a scalar "
            f"or vector; got type '{tensor_type}' in {image.num_spatial_dims}D with "
            f"shape {tuple(np.shape(image.array))}. Plot a slice, a component, or one "
            "time: `image.with_array(image.array[0])`."
        )
    values = _channel(image, name, channel)
    colours = np.linalg.norm(values, axis=-1) if tensor_type.order else values
    signed = tensor_type.parity < 0 and tensor_type.order == 0
    limits = _limits(colours, tensor_type) if limits is None else limits
    # Axis 0 is x, drawn to the right; axis 1 is y, drawn upwards.
    artist = axes.imshow(
        colours.T,
        origin="lower",
        cmap=_colour_map(signed or limits[0] == -limits[1], colours, limits),
        vmin=limits[0],
        vmax=limits[1],
        interpolation="nearest",
        extent=_extent(extent),
    )
    if tensor_type.order:
        _draw_arrows(axes, artist, values)
    unit = f" [{units['length']}]" if units and "length" in units else ""
    what = " (cells)" if extent is None else unit
    axes.set(xlabel=f"x{what}", ylabel=f"y{what}")
    return artist


@checked
def rollouts(
    truth: GeometricImage,
    predictions: Mapping[str, GeometricImage],
    times: Sequence[int],
    fields: Sequence[str] | None = None,
    *,
    labels: Sequence[str] = (),
    time_step: float | None = None,
    extent: Sequence[float] | None = None,
    units: Mapping[str, str] | None = None,
) -> "Figure":
    """True, predicted and difference, for each model and field, at some times.

    Differences are in colours of half the range of the truth, so that models can be
    compared; cells beyond have colours of their own, and the colour bar arrows.

    **Arguments:**

    - `truth`: the true frames, an image whose array is `(time, *grid, features)`.
    - `predictions`: for each model's name its frames, of the same shape.
    - `times`: the numbers of the frames, one column each; -1 is the last one.
    - `fields`: names or types; by default every scalar and vector.
    - `labels`: what to write over the columns; by default the times, or the numbers of
        the frames if no `time_step` is given.
    - `time_step`: the time between frames. Frame 0 of a rollout is one step after its
        history, at `time_step`.
    - `extent`: the box, `(x_low, x_high, y_low, y_high)`.
    - `units`: by the name of a field, `"time"` and `"length"`: `{"density": "kg/m³"}`.

    **Raises:** `ValueError` if predictions differ from the truth in signature, grid or
    number of frames, or there is no such frame or field.
    """
    import matplotlib.pyplot as plt

    _check_movies(truth, predictions)
    units = units or {}
    chosen = _frame_numbers(times, len(truth.array))
    if labels and len(labels) != len(chosen):
        raise ValueError(
            f"`labels` must be one for each of the {len(chosen)} times, got "
            f"{len(labels)}."
        )
    over = labels or [_time_label(t, time_step, units) for t in chosen]
    names = _drawable(truth.signature) if fields is None else list(fields)
    rows, columns = 1 + 2 * len(predictions), len(chosen)
    figure = plt.figure(
        figsize=(len(names) * (1.5 * columns + 1.2), 1.6 * rows + 0.4),
        layout="constrained",
    )
    parts = figure.subfigures(1, len(names), squeeze=False)
    for name, part in zip(names, parts[0], strict=True):
        grid_of_axes = part.subplots(
            rows, columns, squeeze=False, sharex=True, sharey=True
        )
        lines = _lines(truth, predictions, chosen, name)
        for row, line in zip(grid_of_axes, lines, strict=True):
            artist: Any = None
            for axes, one in zip(row, line.images, strict=True):
                artist = field(
                    axes, one, name, limits=line.limits, extent=extent, units=units
                )
                axes.tick_params(labelsize=6)
                axes.label_outer()
            extend = _extend(
                [_magnitude(one, name) for one in line.images], line.limits
            )
            unit = f" [{units[name]}]" if name in units else ""
            bar = part.colorbar(artist, ax=list(row), shrink=0.85, extend=extend)
            bar.set_label(f"{line.label}{unit}", fontsize=8)
            bar.ax.tick_params(labelsize=7)
        for axes, label in zip(grid_of_axes[0], over, strict=True):
            axes.set_title(label, fontsize=8)
    return figure


class _Line(NamedTuple):
    """One row of panels."""

    label: str
    images: list[GeometricImage]
    limits: tuple[float, float]


def _lines(
    truth: GeometricImage,
    predictions: Mapping[str, GeometricImage],
    times: list[int],
    name: str,
) -> list[_Line]:
    frames = [_frame(truth, t) for t in times]
    values = np.stack([_magnitude(frame, name) for frame in frames])
    tensor_type = _type_of(truth.signature, name)
    limits = _limits(values, tensor_type)
    spread = 0.5 * (limits[1] - limits[0])
    is_vector = tensor_type.order == 1
    error_limits = (0.0, spread) if is_vector else (-spread, spread)
    lines = [_Line(f"true {name}", frames, limits)]
    for model, prediction in predictions.items():
        guesses = [_frame(prediction, t) for t in times]
        errors = [g - f for g, f in zip(guesses, frames, strict=True)]
        # The size of a difference of vectors, drawn with its arrows.
        difference = f"|{model} - true|" if is_vector else f"{model} - true"
        lines += [
            _Line(f"{model} {name}", guesses, limits),
            _Line(difference, errors, error_limits),
        ]
    return lines


def _check_movies(
    truth: GeometricImage, predictions: Mapping[str, GeometricImage]
) -> None:
    """**Raises:** `ValueError` unless all are equally many frames of one kind."""
    movies: dict[str, Any] = {"truth": truth}
    movies |= {f"predictions[{name!r}]": image for name, image in predictions.items()}
    for name, image in movies.items():
        if not isinstance(image, GeometricImage):
            raise TypeError(f"`{name}` must be a GeometricImage, got {shown(image)}.")
        shape = tuple(np.shape(image.array))
        if image.num_spatial_dims != 2 or len(shape) != 4:
            raise ValueError(
                f"`{name}` must hold frames in 2D, (time, x, y, features), got "
                f"{image.num_spatial_dims}D with shape {shape}."
            )
        if image.signature != truth.signature:
            raise ValueError(
                f"`{name}` has signature '{image.signature}', `truth` "
                f"'{truth.signature}'."
            )
        if shape[0] != len(truth.array):
            raise ValueError(
                f"`{name}` has {shape[0]} frames, `truth` {len(truth.array)}: frame i "
                "of both must be of one time. Cut the longer one, as in "
                f"`truth.with_array(truth.array[:{min(shape[0], len(truth.array))}])`."
            )
        if shape != tuple(np.shape(truth.array)):
            raise ValueError(
                f"`{name}` has shape {shape}, `truth` {tuple(np.shape(truth.array))}."
            )


def _frame_numbers(times: Sequence[int], count: int) -> list[int]:
    chosen = [int(t) for t in times]
    if not chosen or not all(is_integer(t) and -count <= t < count for t in times):
        raise ValueError(
            f"`times` must be numbers of frames from 0 to {count - 1}, got {chosen}."
        )
    return [t % count for t in chosen]


def _time_label(
    number: int, time_step: float | None, units: Mapping[str, str] | None
) -> str:
    if time_step is None:
        return f"frame {number}"
    unit = f" {units['time']}" if units and "time" in units else ""
    return f"t = {(number + 1) * time_step:.4g}{unit}"


def _draw_arrows(axes: "Axes", artist: Any, values: np.ndarray) -> None:
    step = -(-max(values.shape[:2]) // MAX_ARROWS)
    left, right, bottom, top = artist.get_extent()
    width, height = (right - left) / len(values), (top - bottom) / values.shape[1]
    x, y = np.meshgrid(
        left + width * (np.arange(0, len(values), step) + 0.5),
        bottom + height * (np.arange(0, values.shape[1], step) + 0.5),
    )
    arrows = values[::step, ::step]
    largest = max(float(np.linalg.norm(arrows, axis=-1).max()), 1e-30)
    axes.quiver(
        x,
        y,
        arrows[..., 0].T,
        arrows[..., 1].T,
        color="white",
        scale=largest / (step * min(abs(width), abs(height))),
        scale_units="xy",
        angles="xy",
        width=0.005,
    )


def _colour_map(signed: bool, values: np.ndarray, limits: tuple[float, float]) -> Any:
    """Colours that say where values lie beyond the limits, as their bar does."""
    import matplotlib

    name = "RdBu_r" if signed else "viridis"
    above, below = BEYOND[name]
    colours: Any = matplotlib.colormaps[name].with_extremes(over=above, under=below)
    colours.colorbar_extend = _extend([values], limits)
    return colours


def _extend(values: Sequence[np.ndarray], limits: tuple[float, float]) -> str:
    """At which ends a bar of colours has arrows."""
    over = any((v > limits[1]).any() for v in values)
    under = any((v < limits[0]).any() for v in values)
    extends = {(1, 1): "both", (1, 0): "max", (0, 1): "min", (0, 0): "neither"}
    return extends[int(over), int(under)]


def _extent(extent: Sequence[float] | None) -> Any:
    if extent is None:
        return None
    box = tuple(float(side) for side in extent)
    if len(box) != 4 or not (box[0] < box[1] and box[2] < box[3]):
        raise ValueError(
            f"`extent` must be (x_low, x_high, y_low, y_high), got {tuple(extent)}."
        )
    return box


def _frame(frames: GeometricImage, time: int) -> GeometricImage:
    return frames.with_array(frames.array[time])


def _channel(image: GeometricImage, name: str, channel: int) -> np.ndarray:
    order = _type_of(image.signature, name).order
    values = np.asarray(image[name], np.float32)
    check_count("channel", channel, at_least=0)
    count = values.shape[values.ndim - 1 - order]
    if channel >= count:
        raise ValueError(
            f"`channel` must be from 0 to {count - 1}, as '{name}' has {count}; got "
            f"{channel}."
        )
    return np.take(values, channel, axis=values.ndim - 1 - order)


def _magnitude(image: GeometricImage, name: str) -> np.ndarray:
    values = _channel(image, name, 0)
    order = _type_of(image.signature, name).order
    return np.linalg.norm(values, axis=-1) if order == 1 else values


def _drawable(signature: Signature) -> list[str]:
    """Every scalar and vector: by its name, or by its type if it has none."""
    flat = [entry for entry in signature if entry.type.order < 2]
    names = [entry.name or str(entry.type) for entry in flat]
    if not names:
        raise ValueError(
            f"`truth` has no scalar and no vector to draw, but '{signature}'."
        )
    return list(dict.fromkeys(names))


def _type_of(signature: Signature, name: str) -> TensorType:
    for entry in signature:
        if name in (entry.name, str(entry.type)):
            return entry.type
    known = ", ".join(repr(entry.name or str(entry.type)) for entry in signature)
    raise ValueError(f"`name` must be one of {known}, got {name!r}.")


def _limits(values: np.ndarray, tensor_type: TensorType) -> tuple[float, float]:
    """The range of colours of what is drawn of a type."""
    if tensor_type.parity < 0 and tensor_type.order == 0:
        largest = float(np.abs(values).max()) or 1.0
        return -largest, largest
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)
