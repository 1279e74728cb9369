"""Pictures of flows: snapshots and animations; matplotlib is loaded when used."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .formats import FlowData

QUANTITIES = ("density", "pressure", "vorticity", "divergence")


def quantity(
    name: str,
    density: np.ndarray,
    velocity: np.ndarray,
    pressure: np.ndarray,
    spacing: Sequence[float],
) -> np.ndarray:
    """Density, pressure, vorticity ∂₀u₁ - ∂₁u₀ or divergence of 2D snapshots.

    Arrays are `(..., x, y[, 2])`; derivatives are central, the box periodic.

    **Raises:** `ValueError` for another name.
    """

    def derivative(values: np.ndarray, axis: int) -> np.ndarray:
        at = axis - 2
        ahead, behind = np.roll(values, -1, at), np.roll(values, 1, at)
        return (ahead - behind) / (2 * spacing[axis])

    u, v = velocity[..., 0], velocity[..., 1]
    if name == "density":
        return density
    if name == "pressure":
        return pressure
    if name == "vorticity":
        return derivative(v, 0) - derivative(u, 1)
    if name == "divergence":
        return derivative(u, 0) + derivative(v, 1)
    raise ValueError(f"`name` must be one of {', '.join(QUANTITIES)}; got {name!r}.")


def draw_snapshots(
    flow: FlowData, path: str | Path, *, trajectory: int = 0, number: int = 5
) -> Path:
    """Density, vorticity and divergence at some times of one 2D trajectory, as a PNG.

    **Raises:** `ValueError` for a flow that is not 2D, or no such trajectory.
    """
    plt = _pyplot()
    fields = _trajectory(flow, trajectory)
    times = np.unique(np.linspace(0, len(flow.times) - 1, number).astype(int))
    names = ("density", "vorticity", "divergence")
    figure, axes = plt.subplots(
        len(names),
        len(times),
        figsize=(2.2 * len(times) + 0.8, 2.2 * len(names)),
        squeeze=False,
        layout="constrained",
    )
    for row, name in zip(axes, names, strict=True):
        values = quantity(name, *fields, _spacing(flow))
        image = None
        for ax, time in zip(row, times, strict=True):
            image = _show(ax, flow, values[time], name, values[times])
            if name == names[0]:
                ax.set_title(f"t = {flow.times[time]:.3g}", fontsize=9)
        row[0].set_ylabel(name)
        figure.colorbar(image, ax=list(row), shrink=0.9)
    return _save(figure, path)


def animate(
    flow: FlowData,
    path: str | Path,
    *,
    trajectory: int = 0,
    name: str = "density",
    frames_per_second: int = 10,
) -> Path:
    """One quantity of one 2D trajectory in motion: .gif, or what ffmpeg writes."""
    plt = _pyplot()
    from matplotlib import animation

    values = quantity(name, *_trajectory(flow, trajectory), _spacing(flow))
    figure, ax = plt.subplots(figsize=(4.6, 4), layout="constrained")
    image = _show(ax, flow, values[0], name, values)
    figure.colorbar(image, label=name)

    def update(time: int) -> list[Any]:
        image.set_data(values[time].T)
        ax.set_title(f"t = {flow.times[time]:.3g}", fontsize=9)
        return [image]

    movie = animation.FuncAnimation(figure, update, frames=len(values))
    path = Path(path)
    writer = "pillow" if path.suffix == ".gif" else "ffmpeg"
    if not animation.writers.is_available(writer):
        plt.close(figure)
        raise ValueError(f"{path.suffix} needs {writer}; install it or use .gif.")
    movie.save(path, writer=writer, fps=frames_per_second)
    plt.close(figure)
    return path


def draw_gallery(
    states: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    spacing: Sequence[float],
    path: str | Path,
    *,
    columns: int = 7,
) -> Path:
    """Named 2D states (density, velocity, pressure) side by side, as a PNG.

    Each is a column of density, vorticity and divergence; every `columns` of them a new
    block begins below.
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
        for row, name in enumerate(names):
            ax = axes[3 * block + row, column]
            ax.set_axis_on()
            values = quantity(name, *state, spacing)
            cmap, low, high = _scale(name, values)
            ax.imshow(values.T, origin="lower", cmap=cmap, vmin=low, vmax=high)
            ax.set_xticks([])
            ax.set_yticks([])
            if row == 0:
                ax.set_title(title.replace("_", " "), fontsize=8)
            if column == 0:
                ax.set_ylabel(name)
    return _save(figure, path)


def _trajectory(
    flow: FlowData, index: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if flow.num_spatial_dims != 2:
        raise ValueError(
            f"`flow` must have 2 axes to be drawn, got {flow.num_spatial_dims}."
        )
    if not 0 <= index < flow.num_trajectories:
        raise ValueError(
            f"`trajectory` must be from 0 to {flow.num_trajectories - 1}, got {index}."
        )
    return flow["density"][index], flow["velocity"][index], flow["pressure"][index]


def _spacing(flow: FlowData) -> list[float]:
    return [float(x[1] - x[0]) for x in flow.coordinates]


def _scale(name: str, values: np.ndarray) -> tuple[str, float, float]:
    if name in ("density", "pressure"):
        return "viridis", float(values.min()), float(values.max())
    # A few strong cells must not hide the rest.
    bound = float(np.quantile(np.abs(values), 0.995)) or 1.0
    return "RdBu_r", -bound, bound


def _show(
    ax: Any, flow: FlowData, values: np.ndarray, name: str, reference: np.ndarray
) -> Any:
    x, y = flow.coordinates
    hx, hy = 0.5 * (x[1] - x[0]), 0.5 * (y[1] - y[0])
    extent = (x[0] - hx, x[-1] + hx, y[0] - hy, y[-1] + hy)
    cmap, low, high = _scale(name, reference)
    image = ax.imshow(
        values.T, origin="lower", extent=extent, cmap=cmap, vmin=low, vmax=high
    )
    ax.set_xticks([])
    ax.set_yticks([])
    return image


def _save(figure: Any, path: str | Path) -> Path:
    path = Path(path)
    figure.savefig(path, dpi=110)
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
