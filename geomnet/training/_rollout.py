"""Stepping a model on its own predictions."""

from collections.abc import Callable

import jax

from .._history import push_frame
from .._image import GeometricImage


def rollout(
    model: Callable[[GeometricImage], GeometricImage],
    history: GeometricImage,
    num_steps: int,
) -> GeometricImage:
    """Feeds a model its own predictions: one `lax.scan`, whatever the number of steps.

    **Arguments:**

    - `model`: from a history `n * flow` to the next frame of `flow`.
    - `history`: the first n frames, oldest first.

    **Returns:** the predicted frames, an image whose array is `(num_steps, *grid,
    features)`. The frames given are not among them.

    **Raises:** `ValueError` if the history does not hold the model's frames.
    """
    if not num_steps >= 1:
        raise ValueError(f"`num_steps` must be 1 or more, got {num_steps}.")

    def step(history: GeometricImage, _: None):
        frame = model(history)
        return push_frame(history, frame), frame

    return jax.lax.scan(step, history, length=num_steps)[1]
