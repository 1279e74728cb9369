"""Stepping a model on its own predictions."""

from collections.abc import Callable
from typing import Any

import jax

from .._arguments import check_count, checked
from .._history import push_frame
from .._image import GeometricImage


@checked
def rollout(
    model: Callable[..., GeometricImage],
    history: GeometricImage,
    num_steps: int,
    *inputs: Any,
) -> GeometricImage:
    """Feeds a model its own predictions: one `lax.scan`, whatever the number of steps.

    **Arguments:**

    - `model`: from a history `n * flow` to the next frame of `flow`.
    - `history`: the first n frames, oldest first.
    - `inputs`: what else the model takes, the same at each step, such as parameters.

    **Returns:** the predicted frames, an image whose array is `(num_steps, *grid,
    features)`. The frames given are not among them.

    **Raises:** `ValueError` if the history does not hold the model's frames.
    """
    check_count("num_steps", num_steps)

    def step(history: GeometricImage, _: None):
        frame = model(history, *inputs)
        return push_frame(history, frame), frame

    return jax.lax.scan(step, history, length=num_steps)[1]
