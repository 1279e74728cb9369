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
from ..filters._kernel_space import KernelSpace
from ._contract import check_image
from ._execution import multiply
from ._film import check_parameters, drawn_hidden, hidden_of
from ._kernel import Kernel, scaled
from ._spectral import AbstractSpectralLayer, wave_kernel
from ._travelling import TravellingWaves
from ._waves import Waves, waves_of


class ConditionedSpectralConv(AbstractSpectralLayer):
    """A `SpectralConv` whose kernel depends on numbers: mixtures, travelling waves.

    How far a wave comes in a step depends on the speed of sound, how much of it is left
    on the viscosity: the factor of each wave vector is a function of such numbers p,

        K(k; p) = Σ_m f_m(p) K_m(k) + T(k; p),

    of learned kernels K_m, a learned function f with one hidden layer (mixtures of
    kernels: Yang et al. 2019), and waves T that travel and decay: covariants of the
    direction of k times learned functions of its length and the numbers,

        cos(|k| exp(α·p + β) + θ) exp(-|k|² exp(γ·p + δ)).

    The numbers are invariant, so every part commutes with what each kernel commutes
    with. The K_m learn each wave vector by itself; T learns from all of them at once,
    and holds at speeds between and beyond those that were seen. Lengths are whole
    numbers of waves along each side: those of a box with equal sides.

    **Exactly equivariant** under `group` and all translations of the torus, also those
    by parts of a cell for what the grid resolves, on every grid of at least
    `2 * modes + 1` cells a side, the numbers being the same for the moved image.
    """

    kernel: Kernel
    hidden_weight: Float[Array, "parameters width"]
    hidden_bias: Float[Array, " width"]
    mixture_weight: Float[Array, "width kernels"]
    mixture_bias: Float[Array, " kernels"]
    travelling: TravellingWaves
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
        num_waves: int = 16,
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
        - `num_waves`: that travel; their numbers should be logarithms, of which speeds
            and decays are powers. 0 leaves the mixture alone.
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
        check_count("num_waves", num_waves, at_least=0)
        self.target = Representation(group, out_signature)
        keys = jax.random.split(key, 4)
        self.kernel = wave_kernel(
            Representation(group, in_signature),
            Representation(group, repeated(self.target.signature, num_kernels)),
            modes,
            key=keys[0],
            dtype=dtype,
            where="ConditionedSpectralConv",
        )
        source, window = self.kernel.space.source, self.kernel.window
        space = KernelSpace(source, self.target, window)
        # Both parts have half of the variance.
        self.travelling = TravellingWaves(
            space, num_parameters, num_waves, variance=0.5, key=keys[3], dtype=dtype
        )
        if num_waves:
            self.kernel = scaled(self.kernel, math.sqrt(0.5))
        self.hidden_weight = drawn_hidden(keys[1], num_parameters, width, dtype)
        self.hidden_bias = jnp.zeros(width, dtype)
        drawn = jax.random.normal(keys[2], (width, num_kernels), dtype)
        self.mixture_weight = drawn / math.sqrt(width * num_kernels)
        dtype = self.hidden_bias.dtype  # Of no dtype it would be a weak one.
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
        given = parameters.astype(waves.array.dtype)
        weights = self._mixed(given) + self.travelling.coefficients(given)
        array = multiply(waves.array, weights, self.travelling.space)
        return Waves(array, self.out_signature)

    def _mixed(
        self, parameters: Float[Array, " parameters"]
    ) -> Float[Array, " coefficients"]:
        """The coefficients of the mixture of the kernels."""
        dtype = parameters.dtype
        hidden = hidden_of(parameters, self.hidden_weight, self.hidden_bias)
        mixture = hidden @ self.mixture_weight.astype(dtype)
        mixture = mixture + self.mixture_bias.astype(dtype)
        parts = []
        for part in self.kernel.coefficients_of_pairs().values():
            # The channels of each type stand kernel by kernel.
            number, _, inputs = part.shape
            kernels = part.mT.astype(dtype).reshape(number * inputs, len(mixture), -1)
            parts.append(jnp.einsum("kmc,m->kc", kernels, mixture).ravel())
        return jnp.concatenate(parts)


def repeated(signature: Signature, times: int) -> Signature:
    """The fields end to end so many times; nameless, as names are there once."""
    entries = [dataclasses.replace(entry, name="") for entry in signature]
    return Signature(times * entries)
