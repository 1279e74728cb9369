"""Stepping a model on its own predictions."""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from .._arguments import check_count, checked
from .._history import push_frame
from .._image import GeometricImage
from ._shifts import shifted


@checked
def rollout(
    model: Callable[..., GeometricImage],
    history: GeometricImage,
    num_steps: int,
    *inputs: Any,
    key: PRNGKeyArray | None = None,
) -> GeometricImage:
    """Feeds a model its own predictions: one `lax.scan`, whatever the number of steps.

    **Arguments:**

    - `model`: from a history `n * flow` to the next frame of `flow`.
    - `history`: the first n frames, oldest first.
    - `inputs`: what else the model takes, the same at each step, such as parameters.
    - `key`: if given, each step is on a torus shifted by another random number of
        cells: see `geomnet.training.shifted`.

    **Returns:** the predicted frames, an image whose array is `(num_steps, *grid,
    features)`. The frames given are not among them.

    **Raises:** `ValueError` if the history does not hold the model's frames.
    """
    check_count("num_steps", num_steps)

    keys = None if key is None else jax.random.split(key, num_steps)

    def step(history: GeometricImage, key: PRNGKeyArray | None):
        run = model if key is None else shifted(model, key)
        frame = run(history, *inputs)
        return push_frame(history, frame), frame

    return jax.lax.scan(step, history, keys, length=num_steps)[1]
