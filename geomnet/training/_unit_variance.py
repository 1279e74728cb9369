"""Weights to begin with that keep every type of tensor at unit size on given data."""

from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arguments import checked, shown
from .._arithmetic import accumulator
from .._image import GeometricImage
from .._representation import Representation
from .._stand_in import StandIn
from ..nn._bias import add_bias
from ..nn._kernel import AbstractKernelLayer, Kernel, pair_name

Model = TypeVar("Model")
_BATCH = "geomnet_batch"


@checked
def unit_variance(
    model: Model,
    inputs: Any,
    *,
    output_scale: float = 1.0,
    call: Callable[[Any, Any], Any] | None = None,
) -> Model:
    """The model with each kernel scaled so that what it makes has unit mean square.

    For every layer with a kernel, in the order in which they are called, and for every
    type of its output: a component's mean square over the batch, the grid and the
    channels becomes 1 (Mishkin & Matas 2016, without their orthogonal start). Drawn
    weights do that for independent numbers in all cells. Fields of physics are smooth,
    and an invariant kernel adds equal neighbours coherently, so without norms they grow
    or fade by a factor at each layer. A factor for each type leaves **equivariance** as
    it is, exactly. Biases stay, and are not counted.

    **Arguments:**

    - `inputs`: a batch of what the model will be trained on: images, or anything else
        whose arrays have a leading batch axis.
    - `output_scale`: the root mean square of what the last layer makes, as in
        `geomnet.UNet`.
    - `call`: how to run the model on one sample, `(model, sample)`; by default
        `model(sample)`.

    **Raises:** `ValueError` if no layer with a kernel is called, if one is called
    inside a loop that JAX traces, or if `output_scale` is not positive.
    """
    if not output_scale > 0:
        raise ValueError(f"`output_scale` must be positive, got {output_scale}.")
    if call is None and not callable(model):
        raise TypeError(f"`model` must be a function of images, got {shown(model)}.")
    if not jax.tree.leaves(inputs) or any(
        np.ndim(leaf) == 0 for leaf in jax.tree.leaves(inputs)
    ):
        raise TypeError(
            f"`inputs` must be a batch, such as an image with a leading axis, got "
            f"{shown(inputs)}."
        )
    run = call or (lambda model, sample: model(sample))
    leaves, structure = jax.tree.flatten(model, is_leaf=_has_kernel)
    places = [n for n, leaf in enumerate(leaves) if _has_kernel(leaf)]
    order: list[int] = []

    @eqx.filter_jit
    def measured(leaves: list[Any], inputs: Any) -> list[Array]:
        def one(sample: Any) -> list[Array]:
            found: dict[int, Array] = {}
            stand_ins: list[Any] = list(leaves)
            for n in places:
                stand_ins[n] = _Scaled(leaves[n], n, found)
            run(jax.tree.unflatten(structure, stand_ins), sample)
            order[:] = found
            return list(found.values())

        return jax.vmap(one, out_axes=None, axis_name=_BATCH)(inputs)

    try:
        sizes = measured(leaves, inputs)
    except jax.errors.UnexpectedTracerError as error:
        raise ValueError(
            "`model` calls a layer inside a loop that JAX traces, such as "
            "`jax.lax.scan`: each turn would need weights of its own. Write the loop "
            "in Python, or call `unit_variance` on the layer alone."
        ) from error
    if not order:
        raise ValueError(
            "`model` calls no layer with a kernel: there are no weights to scale."
        )
    for n, size in zip(order, sizes, strict=True):
        target = output_scale if n == order[-1] else 1.0
        leaves[n] = _with_factors(leaves[n], target / np.asarray(size, float))
    return jax.tree.unflatten(structure, leaves)


class _Scaled(StandIn):
    """Stands in for a layer: divides its output by its size, which it notes."""

    def __init__(self, layer: Any, place: int, found: dict[int, Array]):
        super().__init__(layer)
        self._place, self._found = place, found

    def __call__(self, image: GeometricImage) -> GeometricImage:
        layer = self._layer
        bias = getattr(layer, "bias", None)
        if bias is not None:
            layer = eqx.tree_at(lambda layer: layer.bias, layer, None)
        result = layer(image)
        types = Representation(layer.kernel.group, result.signature).type_index
        size = self._found.setdefault(self._place, _sizes(result, types, image))
        result = result.with_array(result.array / size[types].astype(result.dtype))
        return result.with_array(add_bias(result.array, bias))


def _has_kernel(node: Any) -> bool:
    return isinstance(node, AbstractKernelLayer)


def _sizes(
    result: GeometricImage, types: np.ndarray, given: GeometricImage
) -> Float[Array, " types"]:
    """The root mean square of each type of a result; 1 where it is zero to rounding."""
    squares = _mean_squares(result)
    sizes = jnp.sqrt(
        jnp.stack([squares[types == n].mean() for n in range(types.max() + 1)])
    )
    rounding = 100 * jnp.finfo(given.dtype).eps
    smallest = rounding * jnp.sqrt(_mean_squares(given).mean())
    return jnp.where(sizes > smallest, sizes, jnp.ones_like(sizes))


def _mean_squares(image: GeometricImage) -> Float[Array, " features"]:
    """Of each feature, over the grid and the batch."""
    array = image.array.astype(accumulator(image.dtype))
    own = jnp.square(array).mean(axis=tuple(range(array.ndim - 1)))
    return jax.lax.pmean(own, _BATCH)


def _with_factors(layer: Any, factors: np.ndarray) -> Any:
    """The layer with what leads to each type of its output multiplied."""
    kernel: Kernel = layer.kernel
    by_type = dict(zip(kernel.out_signature.types, factors, strict=True))
    scaled = {
        pair_name(pair): np.asarray(part) * by_type[pair[0]].astype(part.dtype)
        for pair, part in kernel.coefficients_of_pairs().items()
    }
    return eqx.tree_at(
        lambda layer: layer.kernel, layer, kernel.with_coefficients(scaled)
    )
