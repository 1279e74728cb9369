"""Pictures of fields, rollouts and learning curves: one artist per field."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._arguments import checked
from .._image import GeometricImage
from .._signature import TensorType

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
) -> Any:
    """Draws one field of a 2D image: colour for a scalar, arrows on speed for a vector.

    **Arguments:**

    - `name`: an entry of the signature, or a type such as `"1+"`.
    - `limits`: the range of colours, by default that of the field, centred on zero for
        a pseudoscalar.

    **Returns:** the image artist, for a colour bar.

    **Raises:** `ValueError` for other dimensions or tensors of order 2 and more.
    """
    values = _channel(image, name, channel)
    tensor_type = _type_of(image, name)
    if image.num_spatial_dims != 2 or values.ndim not in (2, 3):
        raise ValueError(
            f"`image` must be 2D without batch axes and '{name}' a scalar or vector, "
            f"got type '{tensor_type}' in {image.num_spatial_dims}D with shape "
            f"{tuple(np.shape(image.array))}. Plot a slice or a component."
        )
    colours = np.linalg.norm(values, axis=-1) if values.ndim == 3 else values
    signed = tensor_type.parity < 0 and tensor_type.order == 0
    if limits is None:
        largest = float(np.abs(colours).max())
        limits = (-largest, largest) if signed else _range(colours)
    # Axis 0 is x, drawn to the right; axis 1 is y, drawn upwards.
    artist = axes.imshow(
        colours.T,
        origin="lower",
        cmap="RdBu_r" if signed or limits[0] == -limits[1] else "viridis",
        vmin=limits[0],
        vmax=limits[1],
        interpolation="nearest",
    )
    if values.ndim == 3:
        step = -(-max(values.shape[:2]) // MAX_ARROWS)
        x, y = np.meshgrid(*(np.arange(0, n, step) for n in values.shape[:2]))
        arrows = values[::step, ::step]
        largest = max(float(np.linalg.norm(arrows, axis=-1).max()), 1e-30)
        axes.quiver(
            x,
            y,
            arrows[..., 0].T,
            arrows[..., 1].T,
            color="white",
            scale=largest / step,
            scale_units="xy",
            angles="xy",
            width=0.005,
        )
    axes.set_xticks([])
    axes.set_yticks([])
    return artist


@checked
def rollouts(
    truth: GeometricImage,
    predictions: Mapping[str, GeometricImage],
    times: Sequence[int],
    fields: Sequence[str] = ("density", "velocity"),
    *,
    labels: Sequence[str] = (),
) -> "Figure":
    """True, predicted and difference, for each model and field, at some times.

    **Arguments:**

    - `truth`: the true frames, an image whose array is `(time, *grid, features)`.
    - `predictions`: for each model's name its frames, of the same shape.
    - `times`: which frames, one column each.
    - `labels`: what to write over the columns.
    """
    import matplotlib.pyplot as plt

    rows, columns = 1 + 2 * len(predictions), len(times)
    figure = plt.figure(
        figsize=(len(fields) * (1.5 * columns + 0.9), 1.6 * rows), layout="constrained"
    )
    frames = [_frame(truth, t) for t in times]
    parts = figure.subfigures(1, len(fields), squeeze=False)
    for name, part in zip(fields, parts[0], strict=True):
        grid_of_axes = part.subplots(rows, columns, squeeze=False)
        limits = _range(np.stack([_magnitude(frame, name) for frame in frames]))
        spread = 0.5 * (limits[1] - limits[0])
        is_vector = _type_of(truth, name).order == 1
        error_limits = (0.0, spread) if is_vector else (-spread, spread)
        lines = [(f"true {name}", frames, limits)]
        for model, prediction in predictions.items():
            guesses = [_frame(prediction, t) for t in times]
            errors = [g - f for g, f in zip(guesses, frames, strict=True)]
            lines += [
                (model, guesses, limits),
                (f"{model} - true", errors, error_limits),
            ]
        for row, (label, images, colours) in zip(grid_of_axes, lines, strict=True):
            artist = None
            for axes, one in zip(row, images, strict=True):
                artist = field(axes, one, name, limits=colours)
            row[0].set_ylabel(label, fontsize=8)
            part.colorbar(artist, ax=list(row), shrink=0.85).ax.tick_params(labelsize=7)
        for axes, label in zip(grid_of_axes[0], labels, strict=False):
            axes.set_title(label, fontsize=8)
    return figure


@checked
def learning_curves(
    histories: Mapping[str, Mapping[str, Sequence[Sequence[float | int]]]],
    *,
    x_label: str = "training step",
    y_label: str = "SMSE (normalised units)",
) -> "Figure":
    """Loss against step on logarithmic axes.

    **Arguments:**

    - `histories`: for each model's name, for each curve's name, points `(step, loss)`.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    styles = ("-", "--", ":", "-.")
    for i, (model, curves) in enumerate(histories.items()):
        for (name, points), style in zip(curves.items(), styles, strict=False):
            if points:
                x, y = np.asarray(points, float).T
                axes.plot(x, y, style, color=f"C{i}", label=f"{model}, {name}")
    axes.set_yscale("log")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(which="both", alpha=0.25)
    axes.legend()
    return figure


@checked
def error_growth(
    errors: Mapping[str, Sequence[float]], *, y_label: str = "SMSE (normalised units)"
) -> "Figure":
    """The error of rollouts against the number of steps, one curve per model."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, values in errors.items():
        axes.plot(range(1, len(values) + 1), values, "o-", markersize=3, label=name)
    axes.set_yscale("log")
    axes.set_xlabel("steps of the rollout")
    axes.set_ylabel(y_label)
    axes.grid(which="both", alpha=0.25)
    axes.legend()
    return figure


def _frame(frames: GeometricImage, time: int) -> GeometricImage:
    return frames.with_array(frames.array[time])


def _channel(image: GeometricImage, name: str, channel: int) -> np.ndarray:
    order = _type_of(image, name).order
    values = np.asarray(image[name], np.float32)
    return np.take(values, channel, axis=values.ndim - 1 - order)


def _magnitude(image: GeometricImage, name: str) -> np.ndarray:
    values = _channel(image, name, 0)
    order = _type_of(image, name).order
    return np.linalg.norm(values, axis=-1) if order == 1 else values


def _type_of(image: GeometricImage, name: str) -> TensorType:
    for entry in image.signature:
        if entry.name == name:
            return entry.type
    if name.isidentifier():
        raise KeyError(f"{name!r} is not in the signature '{image.signature}'.")
    return TensorType.parse(name)


def _range(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)
