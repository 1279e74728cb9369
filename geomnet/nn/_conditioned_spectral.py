"""Convolution in Fourier space whose kernel depends on numbers, exactly equivariant."""

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .._arguments import check_count, checked
from .._group import Group
from .._image import GeometricImage
from .._representation import Representation
from .._signature import Signature
from ._contract import check_image
from ._execution import multiply
from ._film import check_parameters, drawn_hidden, hidden_of
from ._kernel import Kernel
from ._spectral import AbstractSpectralLayer, wave_kernel
from ._waves import Waves, waves_of


class ConditionedSpectralConv(AbstractSpectralLayer):
    """A `SpectralConv` whose kernel is a mixture, of weights that depend on numbers.

    How far a wave comes in a step depends on the speed of sound, how much of it is left
    on the viscosity: the factor of each wave vector is a function of such numbers p,

        K(k; p) = Σ_m f_m(p) K_m(k),

    of learned kernels K_m and a learned function f with one hidden layer (mixtures of
    kernels: Yang et al. 2019). The numbers are invariant, so every mixture commutes
    with what each kernel commutes with.

    **Exactly equivariant** under `group` and all translations of the torus, also those
    by parts of a cell for what the grid resolves, on every grid of at least
    `2 * modes + 1` cells a side, the numbers being the same for the moved image.
    """

    kernel: Kernel
    hidden_weight: Float[Array, "parameters width"]
    hidden_bias: Float[Array, " width"]
    mixture_weight: Float[Array, "width kernels"]
    mixture_bias: Float[Array, " kernels"]
    target: Representation = eqx.field(static=True)

    @checked
    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        modes: int | tuple[int, ...] = 12,
        *,
        num_parameters: int,
        num_kernels: int = 6,
        width: int = 32,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out.
        - `modes`: the largest wave number along each axis; one number or one per axis.
        - `num_parameters`: how many numbers the kernel depends on. Give them in units
            in which they vary by about 1, such as the logarithm of a viscosity.
        - `num_kernels`: of the mixture; 4 to 8 serve where a wave turns by some radians
            over the range of the numbers.
        - `width`: of the hidden layer of the weights.
        - `key`: draws all of it, so that an input of unit variance, spread evenly over
            the wave vectors of the window, gives about unit variance.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` as `SpectralConv` does.
        """
        for name, count in (
            ("num_parameters", num_parameters),
            ("num_kernels", num_kernels),
            ("width", width),
        ):
            check_count(name, count)
        self.target = Representation(group, out_signature)
        keys = jax.random.split(key, 3)
        self.kernel = wave_kernel(
            Representation(group, in_signature),
            Representation(group, repeated(self.target.signature, num_kernels)),
            modes,
            key=keys[0],
            dtype=dtype,
            where="ConditionedSpectralConv",
        )
        self.hidden_weight = drawn_hidden(keys[1], num_parameters, width, dtype)
        self.hidden_bias = jnp.zeros(width, dtype)
        drawn = jax.random.normal(keys[2], (width, num_kernels), dtype)
        self.mixture_weight = drawn / math.sqrt(width * num_kernels)
        self.mixture_bias = jnp.full(num_kernels, 1 / math.sqrt(num_kernels), dtype)

    @property
    def out_signature(self) -> Signature:
        """What the layer gives."""
        return self.target.signature

    @jax.named_scope("geomnet.nn.ConditionedSpectralConv")
    def __call__(
        self, image: GeometricImage, parameters: Float[Array, " parameters"]
    ) -> GeometricImage:
        """**Arguments:**

        - `image`: of `in_signature` on a grid `(*grid)`.
        - `parameters`: `(num_parameters,)`.

        **Returns:** an image of `out_signature` on the same grid. bfloat16 and float16
        are transformed in float32.

        **Raises:** `ValueError` if the signature or the number of parameters differs,
        or the grid is too small.
        """
        name = type(self).__name__
        check_image(image, self.kernel.space.source, name)
        check_parameters(parameters, self.hidden_weight.shape[0], name)
        self._check_grid(image.grid)
        waves = self.on_waves(waves_of(image, self.modes), parameters)
        return waves.on(image.grid, image.dtype)

    def on_waves(self, waves: Waves, parameters: Float[Array, " parameters"]) -> Waves:
        """The same, of an image given by its `waves` up to `modes`, and of the numbers
        `parameters`.
        """
        mixture = self._mixture(parameters.astype(waves.array.dtype))
        kernel = self.kernel
        array = multiply(waves.array, kernel.weights, kernel.space, mixture)
        return Waves(array, self.out_signature)

    def _mixture(
        self, parameters: Float[Array, " parameters"]
    ) -> Float[Array, " kernels"]:
        dtype = parameters.dtype
        hidden = hidden_of(parameters, self.hidden_weight, self.hidden_bias)
        mixed = hidden @ self.mixture_weight.astype(dtype)
        return mixed + self.mixture_bias.astype(dtype)


def repeated(signature: Signature, times: int) -> Signature:
    """The fields end to end so many times; nameless, as names are there once."""
    entries = [dataclasses.replace(entry, name="") for entry in signature]
    return Signature(times * entries)
