"""Waves that travel, and products of them: what a step of a smooth flow is made of."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from .._arguments import check_count, checked, checked_positive
from .._arithmetic import accumulator
from .._group import Group
from .._image import GeometricImage, concatenate
from .._signature import Signature
from ..nn import (
    ConditionedSpectralConv,
    SpectralConv,
    TensorProduct,
    check_image,
    common_steps,
)
from ..nn._conditioned_spectral import repeated
from ..nn._spectral import as_modes
from ..nn._waves import Waves, waves_of
from ._contract import AbstractNetwork
from ._norm import DEFAULT_NORM, Parameters, at_unit_size, check_given, check_norm
from ._remat import execution_field, rematerialised

Convolution = SpectralConv | ConditionedSpectralConv


class ProductBlock(eqx.Module):
    """What is multiplied, the products, and what they add to the output."""

    factors: Convolution
    product: TensorProduct
    output: Convolution


class Propagator(AbstractNetwork):
    """A linear map of every wave, and products of waves: the first terms of a Volterra
    series, whose kernels are learned.

    Over a time step the linear part of an equation multiplies each wave vector with a
    matrix, the exact propagator, which depends on numbers such as the speed of sound;
    advection adds products of fields. So does this network, with y_0 the input:

        output = G y_0 + Σ_l H_l z_l,  z_l = B_l(x_l, x_l),  x_l = limited(F_l y_(l-1)),
        y_l = (x_l, z_l)

    with spectral convolutions G, F, H and all bilinear maps B of the group. For smooth
    periodic flows it is more exact than a network of small windows, and cheaper. It is
    no network for shocks or walls.

    A series says nothing of what is far from where it was fitted: products of a flow
    that has grown grow faster, and a rollout is lost within some steps. So factors are
    divided by sqrt(1 + m / factor_limit²), m the mean square of all their components:
    for weak flows it is the series, for strong ones products stay bounded.

    Products are made on a grid of its own, so fine that what they have of waves up to
    `modes` is exact (the 2/3 rule): nothing is aliased. It acts on functions, not on
    grids, and commutes with **all** translations, by parts of a cell too. Its cost
    hardly grows with the grid.

    **Exactly equivariant** under `group`, and under all translations of the torus, on
    every grid of at least `2 * modes + 1` cells a side.
    """

    linear: Convolution
    blocks: tuple[ProductBlock, ...]
    group: Group = eqx.field(static=True)
    in_signature: Signature = eqx.field(static=True)
    out_signature: Signature = eqx.field(static=True)
    hidden: Signature = eqx.field(static=True)
    modes: tuple[int, ...] = eqx.field(static=True)
    factor_modes: tuple[int, ...] = eqx.field(static=True)
    num_blocks: int = eqx.field(static=True)
    num_parameters: int = eqx.field(static=True)
    num_kernels: int = eqx.field(static=True)
    num_waves: int = eqx.field(static=True)
    norm: str = eqx.field(static=True)
    output_scale: float = eqx.field(static=True)
    factor_limit: float = eqx.field(static=True)
    remat: bool = execution_field()

    @checked
    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        *,
        hidden: "Signature | str",
        modes: int | tuple[int, ...] = 12,
        factor_modes: int | tuple[int, ...] | None = None,
        num_blocks: int = 1,
        num_parameters: int = 0,
        num_kernels: int = 6,
        num_waves: int = 16,
        norm: str = DEFAULT_NORM,
        output_scale: float = 1.0,
        factor_limit: float = 3.0,
        remat: bool = False,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out, such as `4 *
            flow` and `flow`.
        - `hidden`: the factors and products, such as `"6x0+ 6x1+ 2x0-"`.
        - `modes`: the largest wave number along each axis, 1 or more; one number or one
            per axis.
        - `factor_modes`: that of what is multiplied, from 1 to `modes`; by default
            half, which learns fastest. Structures that are carried along are factors,
            so take more for small ones that last.
        - `num_blocks`: products, each of what the one before gave: 1 for quadratic
            terms, 2 for those of degree 4 too.
        - `num_parameters`: how many numbers condition it, if any.
        - `num_kernels`: kernels that are mixed in each convolution, by the numbers
            where there are any.
        - `num_waves`: that travel and decay in each convolution, at speeds that are
            powers of the exponentials of the numbers, if there are any.
        - `norm`: `"restored"`, which makes it homogeneous, or `"none"`, for input in
            units of its own: products then grow as they should. See `docs/units.md`.
        - `output_scale`: of the output at the start, where an input of unit variance is
            spread evenly over the waves; 0.05 where it predicts a small change.
        - `factor_limit`: the root mean square beyond which factors are held; they have
            about 1 at the start. `math.inf` gives the bare series.
        - `remat`: whether the gradient computes each block anew instead of keeping what
            is inside: for networks that do not fit into memory. The function is the
            same, at the price of a second forward pass in each train step.
        - `key`: draws the coefficients.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if the modes don't fit the group or each other, if a
        type can't be reached, for another `norm` or a limit that is not positive.
        """
        check_count("num_blocks", num_blocks)
        check_count("num_kernels", num_kernels)
        check_count("num_waves", num_waves, at_least=0)
        check_norm(norm)
        if norm == "layer":
            raise ValueError(
                '`norm` of a Propagator must be "restored" or "none", got "layer": no '
                "layer of it stands before a gate."
            )
        self.group = group
        self.in_signature = Signature(in_signature)
        self.out_signature = Signature(out_signature)
        self.hidden = Signature(hidden)
        self.modes = as_modes(group, modes)
        self.factor_modes = _factor_modes(group, self.modes, factor_modes)
        self.num_blocks = num_blocks
        self.num_parameters = num_parameters
        self.num_kernels = num_kernels
        self.num_waves = num_waves
        self.norm = norm
        self.output_scale = checked_positive("output_scale", output_scale)
        self.factor_limit = checked_limit(factor_limit)
        self.remat = remat

        keys = jax.random.split(key, num_blocks + 1)
        ends = (self.in_signature, self.out_signature, self.modes)
        self.linear = self._convolution(*ends, output_scale, keys[0], dtype)
        sources = (self.in_signature,) + (repeated(self.hidden, 2),) * (num_blocks - 1)
        self.blocks = tuple(
            self._block(*given, dtype) for given in zip(sources, keys[1:], strict=True)
        )

    def _convolution(
        self,
        source: Signature,
        target: Signature,
        modes: tuple[int, ...],
        scale: float,
        key: PRNGKeyArray,
        dtype: Any,
    ) -> Convolution:
        """With an output of that size at the start, by what it is linear in."""
        options: dict[str, Any] = {"key": key, "dtype": dtype}
        kind = SpectralConv
        if self.num_parameters:
            kind = ConditionedSpectralConv
            options["num_parameters"] = self.num_parameters
            options["num_kernels"] = self.num_kernels
            options["num_waves"] = self.num_waves
        layer = kind(self.group, source, target, modes, **options)

        def linear_in(layer: Any) -> tuple[Any, ...]:
            travelling = (layer.travelling.weights,) if self.num_parameters else ()
            return (layer.kernel.weights, *travelling)

        return eqx.tree_at(linear_in, layer, replace_fn=lambda x: scale * x)

    def _block(
        self, source: Signature, key: PRNGKeyArray, dtype: Any
    ) -> "ProductBlock":
        keys, hidden = jax.random.split(key, 3), repeated(self.hidden, 1)
        ends, scale = (hidden, self.out_signature, self.modes), self.output_scale
        return ProductBlock(
            self._convolution(source, hidden, self.factor_modes, 1.0, keys[0], dtype),
            TensorProduct(self.group, hidden, hidden, key=keys[1], dtype=dtype),
            self._convolution(*ends, scale, keys[2], dtype),
        )

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """One cell along each axis.

        **Raises:** `ValueError` if the grid does not resolve the modes, with the mend.
        """
        return common_steps(grid, self.linear)

    def __call__(
        self, image: GeometricImage, parameters: Parameters | None = None
    ) -> GeometricImage:
        """**Arguments:**

        - `image`: of `in_signature` on a grid of at least `2 * modes + 1` cells a side.
        - `parameters`: `(num_parameters,)`; needed if there are any.

        **Returns:** an image of `out_signature` on the same grid.

        **Raises:** `ValueError` if the signature, the grid or the parameters do not
        fit.
        """
        check_image(image, self.source, "Propagator")
        self.translation_steps(image.grid)
        check_given(parameters, self.num_parameters, "Propagator")
        given = () if parameters is None else (parameters,)
        return at_unit_size(self.norm, lambda image: self._layers(image, given), image)

    def _layers(
        self, image: GeometricImage, given: tuple[Parameters, ...]
    ) -> GeometricImage:
        # The smallest grid on which products of factors are exact up to `modes`.
        pairs = zip(self.modes, self.factor_modes, strict=True)
        coarse = tuple(m + max(m, 2 * n) + 1 for m, n in pairs)

        def through(
            block: ProductBlock, waves: Waves, *given: Parameters
        ) -> tuple[Waves, Waves]:
            kept = waves.up_to(self.factor_modes)
            factors = block.factors.on_waves(kept, *given).on(coarse, image.dtype)
            factors = limited(factors, self.factor_limit)
            products = block.product(factors)
            added = block.output.on_waves(waves_of(products, self.modes), *given)
            return added, waves_of(concatenate([factors, products]), self.factor_modes)

        waves = waves_of(image, self.modes)
        output = self.linear.on_waves(waves, *given)
        for block in self.blocks:
            step = rematerialised(jax.tree_util.Partial(through, block), self.remat)
            added, waves = step(waves, *given)
            output += added
        return output.on(image.grid, image.dtype)


def _factor_modes(
    group: Group,
    modes: tuple[int, ...],
    factor_modes: int | tuple[int, ...] | None,
) -> tuple[int, ...]:
    """As given, or by default half of the modes.

    **Raises:** `ValueError` unless they are from 1 to `modes`.
    """
    if factor_modes is None:
        chosen = tuple(-(-n // 2) for n in modes)
    else:
        chosen = as_modes(group, factor_modes)
    if not all(1 <= n <= m for n, m in zip(chosen, modes, strict=True)):
        raise ValueError(
            f"`factor_modes` of a Propagator must be from 1 to `modes` = {modes} along "
            f"each axis, got {chosen}."
        )
    return chosen


def limited(image: GeometricImage, limit: float) -> GeometricImage:
    """With a root mean square below the limit, and hardly changed if far below.

    Of all components together: invariant under every group, and under all translations
    where the grid resolves the squares.
    """
    if math.isinf(limit):
        return image
    array = image.array.astype(accumulator(image.dtype))
    # The sum of squares of what is too large for its dtype would be infinite.
    largest = jax.lax.stop_gradient(jnp.maximum(jnp.abs(array).max(), limit))
    mean = jnp.square(array / largest).mean()
    held = array / largest * jax.lax.rsqrt(jnp.square(1 / largest) + mean / limit**2)
    return image.with_array(held.astype(image.dtype))


def checked_limit(limit: float) -> float:
    """The limit of the factors.

    **Raises:** `ValueError` if it is not positive.
    """
    if isinstance(limit, float) and limit == math.inf:
        return limit
    return checked_positive("factor_limit", limit)
