"""What a model's metric is on test flows that are moved by each element of a group."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._action import act
from .._arguments import checked
from .._equivariance._callables import find_group
from .._group import Group
from .._image import GeometricImage
from ._fields import check_image


@checked
def over_group(
    metric: Callable[..., Any],
    model: Callable[[GeometricImage], GeometricImage],
    inputs: GeometricImage,
    targets: GeometricImage,
    group: Group | None = None,
    **arguments: Any,
) -> Any:
    """A metric on test flows moved by each element: `metric(model(g·x), g·y)`.

    Every metric here is invariant, so that of a model that commutes with the group is
    one number but for rounding. Another model is better on some orientations.

    **Arguments:**

    - `metric`: such as `smse` or `vrmse`; called with the images and `arguments`.
    - `model`: from the inputs to predictions of the targets, leading batch axes
        included: `jax.vmap(net)`, or `lambda x: gn.training.predict(net, x, steps)`.
    - `inputs`, `targets`: images with any leading axes.
    - `group`: by default the model's own.

    **Returns:** the metric's values stacked, the identity's first: `(order, *batch)`,
    or that for each field.

    **Raises:** `ValueError` if no group is known or it acts in other dimensions.
    """
    check_image("inputs", inputs)
    check_image("targets", targets)
    group = find_group(model, group, inputs.grid)
    values = [
        metric(model(act(g, inputs)), act(g, targets), **arguments)
        for g in group.elements
    ]
    return jax.tree.map(lambda *parts: jnp.stack(parts), *values)


@checked
def group_spread(
    metric: Callable[..., Any],
    model: Callable[[GeometricImage], GeometricImage],
    inputs: GeometricImage,
    targets: GeometricImage,
    group: Group | None = None,
    **arguments: Any,
) -> Any:
    """How much a metric depends on orientation: `(max - min) / mean` over the group.

    Of the metric's mean over all leading axes, for test flows moved by each element.
    Rounding for a model that commutes with the group, 1e-6 in float32.

    **Arguments:** as of `over_group`.

    **Returns:** a number, or one for each field.

    **Raises:** `ValueError` and `TypeError` as `over_group`.
    """
    values = over_group(metric, model, inputs, targets, group, **arguments)

    def relative_range(numbers: Any) -> float:
        means = np.asarray(numbers, np.float64).reshape(len(numbers), -1).mean(axis=1)
        width = float(means.max() - means.min())
        return width / float(means.mean()) if width else 0.0

    return jax.tree.map(relative_range, values)
