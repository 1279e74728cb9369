"""Rollouts as a moving picture."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._arguments import check_count, check_kind, checked, checked_positive
from .._image import GeometricImage
from ..metrics import vrmse
from ._fields import field

if TYPE_CHECKING:
    from matplotlib.animation import AbstractMovieWriter


@checked
def animation(
    path: "str | os.PathLike[str]",
    truth: GeometricImage,
    predictions: Mapping[str, GeometricImage],
    name: str = "velocity",
    *,
    time_step: float = 1.0,
    unit: str = "steps",
    frames_per_second: float = 5.0,
    dots_per_inch: int = 100,
) -> None:
    """Writes one field of true and predicted frames side by side as GIF or MP4.

    All panels have the colours of the truth's range. Over each model stands the VRMSE
    of that frame.

    **Arguments:**

    - `path`: ends with `.gif`, or with `.mp4` where ffmpeg is installed. A file of that
        name is replaced.
    - `truth`, `predictions`: 2D images whose arrays are `(steps, *grid, features)`.
    - `name`: a scalar or vector of the signature, of one channel.
    - `time_step`, `unit`: the time from frame to frame, and what it is measured in.
    - `frames_per_second`: 5 by default; more than 0.
    - `dots_per_inch`: 10 or more; a panel is 2.6 inches wide.

    **Raises:** `ValueError` for other endings and shapes, or an MP4 without ffmpeg.
    """
    import matplotlib.pyplot as plt

    path = Path(path)
    checked_positive("frames_per_second", frames_per_second)
    check_count("dots_per_inch", dots_per_inch, at_least=10)  # Letters need a few.
    writer = _writer(path, frames_per_second)
    movies = {"truth": truth, **predictions}
    _check_movies(truth, movies)
    errors = {
        label: np.asarray(vrmse(movie, truth, [name])[name])
        for label, movie in predictions.items()
    }
    limits = _limits(truth, name)
    width, height = truth.grid
    size = (2.6 * len(movies) + 0.8, 2.6 * min(max(height / width, 0.4), 2.0) + 0.9)
    figure, row = plt.subplots(
        1, len(movies), figsize=size, squeeze=False, layout="constrained"
    )
    try:
        with writer.saving(figure, str(path), dots_per_inch):
            bar = None
            for step in range(len(truth.array)):
                for axes, (label, movie) in zip(row[0], movies.items(), strict=True):
                    axes.clear()
                    one = movie.with_array(movie.array[step])
                    artist = field(axes, one, name, limits=limits)
                    if axes is not row[0, 0]:
                        axes.set_ylabel("")
                    axes.set_title(label, fontsize=9)
                    if label in errors:
                        error = f"{label}: VRMSE {errors[label][step]:.3g}"
                        axes.set_title(error, fontsize=9)
                    if bar is None:
                        bar = figure.colorbar(artist, ax=list(row[0]), shrink=0.8)
                        bar.set_label(_bar_label(truth, name), fontsize=8)
                figure.suptitle(f"t = {(step + 1) * time_step:.4g} {unit}", fontsize=9)
                writer.grab_frame()
    finally:
        plt.close(figure)


def _check_movies(truth: GeometricImage, movies: Mapping[str, GeometricImage]) -> None:
    for label, movie in movies.items():
        check_kind(f"predictions[{label!r}]", movie, GeometricImage)
        if movie.num_spatial_dims != 2 or movie.array.shape != truth.array.shape:
            raise ValueError(
                f"{label!r} must be a 2D rollout (steps, *grid, features) of the shape "
                f"of the truth, {truth.array.shape}; got {movie.array.shape}. Cut "
                "both to the same steps; of several trajectories take one."
            )
    if truth.array.ndim != 4 or not len(truth.array):
        raise ValueError(
            f"`truth` must have shape (steps, *grid, features), got "
            f"{truth.array.shape}: of several trajectories take one."
        )


def _writer(path: Path, frames_per_second: float) -> "AbstractMovieWriter":
    from matplotlib import animation as movies

    if path.suffix == ".gif":
        return movies.PillowWriter(fps=frames_per_second)  # pyright: ignore
    if path.suffix == ".mp4":
        if not movies.FFMpegWriter.isAvailable():
            raise ValueError(
                f"`path` {path.name!r} needs ffmpeg, which is not installed: install "
                "it, or write a `.gif`."
            )
        return movies.FFMpegWriter(fps=frames_per_second)  # pyright: ignore
    raise ValueError(f"`path` must end with .gif or .mp4, got {path.name!r}.")


def _is_vector(image: GeometricImage, name: str) -> bool:
    return any(
        entry.name == name and entry.type.order == 1 for entry in image.signature
    )


def _limits(truth: GeometricImage, name: str) -> tuple[float, float]:
    values: Any = np.asarray(truth[name], np.float64)
    if _is_vector(truth, name):
        values = np.linalg.norm(values, axis=-1)
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _bar_label(truth: GeometricImage, name: str) -> str:
    return f"size of {name}" if _is_vector(truth, name) else name
