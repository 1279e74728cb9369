"""Convolution in Fourier space, exactly equivariant."""

import math
from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from .._arguments import checked
from .._group import Group, check_group
from .._image import GeometricImage
from .._representation import Representation
from .._signature import Signature
from ._contract import check_dimension, check_image
from ._execution import multiply
from ._kernel import AbstractFullKernelLayer, Kernel, scaled
from ._waves import Waves, waves_of


class AbstractSpectralLayer(AbstractFullKernelLayer):
    """A layer whose kernel lives on the wave vectors of a window."""

    @property
    def modes(self) -> tuple[int, ...]:
        """The largest wave number along each axis."""
        return tuple(n // 2 for n in self.kernel.window)

    def translation_steps(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The shift along each axis with which the layer commutes: one cell.

        **Raises:** `ValueError` if the layer refuses the grid, with the mend.
        """
        self._check_grid(grid)
        return (1,) * len(grid)

    def _check_grid(self, grid: tuple[int, ...]) -> None:
        check_dimension(grid, self.group)
        window = self.kernel.window
        if any(side < size for side, size in zip(grid, window, strict=True)):
            fitting = tuple((min(grid) - 1) // 2 for _ in grid)
            raise ValueError(
                f"{type(self).__name__}: the grid {grid} does not resolve wave numbers "
                f"up to {self.modes}: its sides must have at least 2 * modes + 1 "
                f"cells, {window}. Use a finer grid, or "
                f"`modes={max(min(fitting), 0)}`."
            )


class SpectralConv(AbstractSpectralLayer):
    """A convolution that is learned on small wave numbers (Li et al. 2021).

    The Fourier coefficient of each wave vector k, whole numbers of waves along each
    side with `|k| <= modes`, is multiplied with a matrix K(k); all others become zero.
    Every convolution of real fields that commutes with the group is
    `K(-k) = conj K(k)` and `K(g k) = ρ_out(g) K(k) ρ_in(g)ᵀ`. With the learned real
    kernel D on the window of wave vectors, `D(g k) = ρ_out(g) D(k) ρ_in(g)ᵀ`,

        K(k) = (D(k) + D(-k)) / 2 + i (D(k) - D(-k)) / 2

    has both properties, since `-k` commutes with every g; and `D = Re K + Im K` gives D
    back, since Re K is even and Im K odd. So every such K is there, and once.

    It acts on functions, not on grids: a field on a finer grid of the same torus gives
    the same function, as long as both grids resolve it. Scalars become vectors and back
    here as in `Conv`.

    **Exactly equivariant** under `group` and all translations of the torus, on every
    grid of at least `2 * modes + 1` cells a side.
    """

    kernel: Kernel

    @checked
    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        modes: int | tuple[int, ...] = 12,
        *,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out.
        - `modes`: the largest wave number along each axis; one number or one per axis.
        - `key`: draws the coefficients, so that an input of unit variance, spread
            evenly over the wave vectors of the window, gives an output of unit
            variance in every component.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if the group exchanges axes of unlike `modes`, or if a
        type of the output can't be reached from any type of the input by so few waves.
        """
        source = Representation(group, in_signature)
        target = Representation(group, out_signature)
        options: dict[str, Any] = {"key": key, "dtype": dtype, "where": "SpectralConv"}
        self.kernel = wave_kernel(source, target, modes, **options)

    @jax.named_scope("geomnet.nn.SpectralConv")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Arguments:** `image`, of `in_signature` on a grid `(*grid)`.

        **Returns:** an image of `out_signature` on the same grid. bfloat16 and float16
        are transformed in float32.

        **Raises:** `ValueError` if the signature differs or the grid is too small.
        """
        check_image(image, self.kernel.space.source, "SpectralConv")
        self._check_grid(image.grid)
        return self.on_waves(waves_of(image, self.modes)).on(image.grid, image.dtype)

    def on_waves(self, waves: Waves) -> Waves:
        """The same, of an image given by its `waves` up to `modes`."""
        array = multiply(waves.array, self.kernel.weights, self.kernel.space)
        return Waves(array, self.out_signature)


def wave_kernel(
    source: Representation,
    target: Representation,
    modes: int | tuple[int, ...],
    *,
    key: PRNGKeyArray,
    dtype: Any,
    where: str,
) -> Kernel:
    """A kernel on wave vectors that keeps unit variance, spread evenly over them.

    **Raises:** `ValueError` if the group exchanges axes of unlike `modes`, or if a
    type of the output can't be reached from any type of the input by so few waves.
    """
    group, ends = source.group, (source.signature, target.signature)
    numbers = as_modes(group, modes)
    window = tuple(2 * number + 1 for number in numbers)
    try:
        kernel = Kernel(group, *ends, window, key=key, dtype=dtype)
    except ValueError as error:
        raise ValueError(
            f"{where} with `modes` {numbers}, a size of {window}: {error}"
        ) from error
    # The variance is a mean over the wave vectors here, and a sum over cells there.
    return scaled(kernel, math.sqrt(math.prod(window)))


def as_modes(group: Group, modes: int | tuple[int, ...]) -> tuple[int, ...]:
    """`modes` as one wave number per axis.

    **Raises:** `ValueError` if it has the wrong length, or if the group exchanges axes
    of unlike wave numbers.
    """
    check_group(group)
    d = group.num_spatial_dims
    numbers = (modes,) * d if isinstance(modes, int) else tuple(modes)
    if len(numbers) != d or not all(isinstance(n, int) and n >= 0 for n in numbers):
        raise ValueError(
            f"`modes` must be a wave number, 0 or more, or {d} of them for {group}, "
            f"got {modes!r}."
        )
    if not group.keeps(numbers):
        raise ValueError(
            f"`modes` are {numbers}, but {group} exchanges axes. Give the exchanged "
            "axes one number, or use a subgroup such as `geomnet.reflections(d)`."
        )
    return numbers
