"""Pictures of flows: snapshots and animations; matplotlib is loaded when used."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ._arguments import checked
from ._whole_file import whole
from .formats import FlowData

QUANTITIES = ("density", "pressure", "speed", "vorticity", "divergence")
"""What can be drawn of a flow: names that `quantity` and the pictures take."""

# Where a bar of colours has arrows, for values above and below its range.
_EXTENDS = {
    (True, True): "both",
    (True, False): "max",
    (False, True): "min",
    (False, False): "neither",
}
# Colours of what lies above and below the limits of a map: none of the map's, whoever
# looks.
_BEYOND = {"viridis": ("red", "black"), "RdBu_r": ("lime", "blueviolet")}
# Lines are told apart without their colours.
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
# What a figure shows of a flow along so many axes.
_SHOWN = {
    1: ("density", "velocity", "pressure"),
    2: ("density", "vorticity", "divergence"),
    3: ("density", "speed", "divergence"),
}


@checked
def quantity(
    name: str,
    density: np.ndarray,
    velocity: np.ndarray,
    pressure: np.ndarray,
    spacing: Sequence[float],
    periodic: Sequence[bool] = (False, False, False),
) -> np.ndarray:
    """One scalar of some snapshots: density, pressure, speed, vorticity or divergence.

    `name` is one of `QUANTITIES`. `density` and `pressure` are `(time, *grid)`, the
    velocity `(time, *grid, d)`, and `spacing` has the width of a cell along each axis.
    Derivatives are central; at the ends of an axis that is not `periodic` they are
    one-sided. Vorticity is ∂₀u₁ - ∂₁u₀ in 2D and the length of ∇×u in 3D; in 1D there
    is none. `velocity` is the component in 1D.

    **Raises:** `ValueError` for another name, or vorticity or velocity in dimensions
    that have none.
    """
    d = velocity.shape[-1]

    def derivative(component: int, axis: int) -> np.ndarray:
        u = np.moveaxis(velocity[..., component], axis + 1, 0)
        if periodic[axis]:
            u = np.concatenate([u[-1:], u, u[:1]])
        slope = np.gradient(u, spacing[axis], axis=0)
        return np.moveaxis(slope[1:-1] if periodic[axis] else slope, 0, axis + 1)

    if name == "density":
        return density
    if name == "pressure":
        return pressure
    if name == "velocity" and d == 1:
        return velocity[..., 0]
    if name == "speed":
        return np.sqrt(np.sum(velocity**2, axis=-1))
    if name == "divergence":
        return sum((derivative(i, i) for i in range(d)), np.zeros_like(density))
    if name == "vorticity" and d > 1:
        pairs = [(0, 1)] if d == 2 else [(0, 1), (1, 2), (2, 0)]
        curl = [derivative(j, i) - derivative(i, j) for i, j in pairs]
        return curl[0] if d == 2 else np.sqrt(sum(c**2 for c in curl))
    known = [q for q in QUANTITIES if d > 1 or q != "vorticity"]
    raise ValueError(
        f"`name` must be one of {', '.join(known)} for a flow along {d} "
        f"{'axis' if d == 1 else 'axes'}, got {name!r}."
    )


@checked
def draw_snapshots(
    flow: FlowData, path: str | Path, *, trajectory: int = 0, number: int = 5
) -> Path:
    """Some times of one `trajectory` of a `flow` as a picture (.png, .pdf, .svg);
    returns its `path`.

    `number` of them, equally apart. In 2D density, vorticity and divergence; in 3D
    density, speed and divergence on the plane through the middle of the last axis; x to
    the right, y up. In 1D lines of density, velocity and pressure. Numbers are in the
    units of the file. The few cells beyond the range of colours have colours of their
    own, and the bar arrows.

    **Raises:** `ValueError` for a trajectory or a kind of picture that does not exist.
    """
    if number < 1:
        raise ValueError(f"`number` must be at least 1, got {number}.")
    _check_drawable(flow)
    plt = _pyplot()
    path = _path(path, plt.figure().canvas.get_supported_filetypes())
    plt.close()
    times = np.unique(np.linspace(0, len(flow.times) - 1, number).round().astype(int))
    names = _SHOWN[flow.num_spatial_dims]
    values = {name: _values(flow, trajectory, name, times) for name in names}
    title = f"{flow.paths[0].name}, trajectory {trajectory}{_plane(flow)}"
    if flow.num_spatial_dims == 1:
        return _save(_draw_lines(flow, values, times, title), path)
    width, height = _panel(flow, 2.1)
    figure, axes = plt.subplots(
        len(names),
        len(times),
        figsize=(width * len(times) + 1.3, height * len(names) + 0.6),
        squeeze=False,
        layout="constrained",
    )
    for row, name in zip(axes, names, strict=True):
        image = None
        for column, (ax, time) in enumerate(zip(row, times, strict=True)):
            image = _show(ax, flow, values[name][column], name, values[name])
            if name == names[0]:
                ax.set_title(f"t = {flow.times[time]:.3g}", fontsize=9)
            ax.label_outer()
        figure.colorbar(image, ax=list(row), shrink=0.9, pad=0.01, label=name)
    figure.suptitle(title, fontsize=9)
    return _save(figure, path)


@checked
def animate(
    flow: FlowData,
    path: str | Path,
    *,
    trajectory: int = 0,
    name: str = "density",
    frames_per_second: int = 10,
) -> Path:
    """One quantity, `name`, of one `trajectory` of a `flow` in motion.

    `path` ends with .gif, or as ffmpeg writes; it shows `frames_per_second`. A map in
    2D, the plane through the middle of the last axis in 3D, a line in 1D.

    **Raises:** `ValueError` for a trajectory, quantity or kind of film that does not
    exist.
    """
    _check_drawable(flow)
    plt = _pyplot()
    from matplotlib import animation

    path = Path(path)
    writer = "pillow" if path.suffix == ".gif" else "ffmpeg"
    if not animation.writers.is_available(writer):
        raise ValueError(
            f"`path` must end in .gif, or {writer} be installed; got {path.name}."
        )
    values = _values(flow, trajectory, name, np.arange(len(flow.times)))
    if flow.num_spatial_dims == 1:
        figure, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
        (artist,) = ax.plot(flow.coordinates[0], values[0])
        margin = 0.05 * (np.ptp(values) or 1)
        ax.set_ylim(values.min() - margin, values.max() + margin)
        ax.set(xlabel="x", ylabel=name)
    else:
        width, height = _panel(flow, 3.6)
        figure, ax = plt.subplots(
            figsize=(width + 1.2, height + 0.5), layout="constrained"
        )
        artist = _show(ax, flow, values[0], name, values)
        figure.colorbar(artist, label=name + _plane(flow))

    # The longest title keeps the axes where they are.
    title = ax.set_title("t = 0.000", fontsize=9)

    def update(time: int) -> list[Any]:
        if flow.num_spatial_dims == 1:
            artist.set_ydata(values[time])
        else:
            artist.set_data(values[time].T)
        title.set_text(f"t = {flow.times[time]:.3f}")
        return []

    movie = animation.FuncAnimation(figure, update, frames=len(values))
    with whole(path) as staging:
        movie.save(staging, writer=writer, fps=frames_per_second, dpi=100)
    plt.close(figure)
    return path


@checked
def draw_gallery(
    states: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    spacing: Sequence[float],
    path: str | Path,
    *,
    periodic: Mapping[str, Sequence[bool]],
    columns: int = 7,
) -> Path:
    """Named 2D `states` (density, velocity, pressure) side by side, as a picture,
    `path`.

    `spacing` is the width of a cell along each axis; `periodic` says by name which axes
    are. Each is a column of density, vorticity and divergence, x to the right, y up,
    the colours of each panel from its own range; every `columns` of them a new block
    begins below.

    **Raises:** `ValueError` for a kind of picture that does not exist; `TypeError` for
    another kind of argument.
    """
    plt = _pyplot()
    names = ("density", "vorticity", "divergence")
    wide = min(columns, len(states))
    blocks = -(-len(states) // wide)
    figure, axes = plt.subplots(
        3 * blocks,
        wide,
        figsize=(1.7 * wide + 0.3, 5.4 * blocks),
        squeeze=False,
        layout="constrained",
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for index, (title, state) in enumerate(states.items()):
        block, column = divmod(index, wide)
        density, velocity, pressure = (x[None] for x in state)
        cells = density, velocity, pressure
        for row, name in enumerate(names):
            ax = axes[3 * block + row, column]
            ax.set_axis_on()
            values = quantity(name, *cells, spacing, periodic[title])[0]
            cmap, low, high = _scale(name, values)
            ax.imshow(values.T, origin="lower", cmap=cmap, vmin=low, vmax=high)
            ax.set_xticks([])
            ax.set_yticks([])
            if row == 0:
                ax.set_title(title.replace("_", " "), fontsize=8)
            if row == len(names) - 1:
                ax.set_xlabel("x")
            if column == 0:
                ax.set_ylabel(f"{name}\ny")
    return _save(figure, path)


def _draw_lines(
    flow: FlowData, values: dict[str, np.ndarray], times: np.ndarray, title: str
) -> Any:
    plt = _pyplot()
    figure, axes = plt.subplots(
        1, len(values), figsize=(3.4 * len(values), 3.2), layout="constrained"
    )
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(times)))
    for ax, (name, lines) in zip(axes, values.items(), strict=True):
        drawn = zip(shades, itertools.cycle(_DASHES), lines, times, strict=False)
        for shade, dash, line, time in drawn:
            style = {"color": shade, "linestyle": dash, "linewidth": 1.2}
            label = f"t = {flow.times[time]:.3g}"
            ax.plot(flow.coordinates[0], line, label=label, **style)
        ax.set(xlabel="x", ylabel=name)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper")
    figure.suptitle(title, fontsize=9)
    return figure


def _values(
    flow: FlowData, trajectory: int, name: str, times: np.ndarray
) -> np.ndarray:
    """A quantity at some times, on the plane that is shown."""
    frames = []
    known = flow.boundaries or ("open",) * flow.num_spatial_dims
    periodic = [kind == "periodic" for kind in known]
    for time in times:
        # One snapshot at a time: a 3D trajectory may not fit in memory.
        state = flow.primitive(trajectory, slice(int(time), int(time) + 1))
        frame = quantity(name, *state, _spacing(flow), periodic)[0]
        frames.append(frame[..., frame.shape[-1] // 2] if frame.ndim == 3 else frame)
    return np.stack(frames)


def _plane(flow: FlowData) -> str:
    if flow.num_spatial_dims < 3:
        return ""
    z = flow.coordinates[2]
    return f", z = {z[len(z) // 2]:.3g}"


def _panel(flow: FlowData, longest: float) -> tuple[float, float]:
    """Width and height, in inches, of a map in the proportions of the box."""
    lengths = [np.ptp(x) for x in flow.coordinates[:2]]
    ratio = max(min(lengths[1] / lengths[0], 4.0), 0.25)
    return (longest, longest * ratio) if ratio < 1 else (longest / ratio, longest)


def _check_drawable(flow: FlowData) -> None:
    for axis, line in zip("xyz", flow.coordinates, strict=False):
        if len(line) < 2 or not np.all(np.isfinite(line)) or np.any(np.diff(line) <= 0):
            raise ValueError(
                f"{flow.paths[0]}: a picture needs two cells or more along each axis, "
                f"at coordinates that increase; those of {axis} do not."
            )


def _spacing(flow: FlowData) -> list[float]:
    return [float(x[1] - x[0]) for x in flow.coordinates]


def _scale(name: str, values: np.ndarray) -> tuple[str, float, float]:
    if name in ("density", "pressure", "speed"):
        return "viridis", float(values.min()), float(values.max())
    # A few strong cells must not hide the rest.
    bound = float(np.quantile(np.abs(values), 0.995)) or 1.0
    return "RdBu_r", -bound, bound


def _show(
    ax: Any, flow: FlowData, values: np.ndarray, name: str, reference: np.ndarray
) -> Any:
    x, y = flow.coordinates[:2]
    hx, hy = 0.5 * (x[1] - x[0]), 0.5 * (y[1] - y[0])
    extent = (x[0] - hx, x[-1] + hx, y[0] - hy, y[-1] + hy)
    cmap, low, high = _scale(name, reference)
    over, under = bool((reference > high).any()), bool((reference < low).any())
    above, below = _BEYOND[cmap]
    colours = _pyplot().get_cmap(cmap).with_extremes(over=above, under=below)
    colours.colorbar_extend = _EXTENDS[over, under]
    image = ax.imshow(
        values.T, origin="lower", extent=extent, cmap=colours, vmin=low, vmax=high
    )
    ax.set(xlabel="x", ylabel="y")
    ax.tick_params(labelsize=6)
    ax.locator_params(nbins=3)
    return image


def _path(path: str | Path, kinds: Iterable[str]) -> Path:
    path = Path(path)
    if path.suffix[1:] not in kinds:
        raise ValueError(
            f"`path` must end in one of .{', .'.join(sorted(kinds))}; got {path.name}."
        )
    return path


def _save(figure: Any, path: str | Path) -> Path:
    path = Path(path)
    with whole(path) as staging:
        figure.savefig(staging, dpi=110)
    _pyplot().close(figure)
    return path


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Drawing needs matplotlib: pip install 'geomnet[plot]'."
        ) from error
    return plt
