"""Fields in units of each sample's own: dimensionless, then of unit variance."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._arguments import checked
from ._image import GeometricImage
from ._normaliser import Normaliser, blocks_of, check_frames, fit_normaliser
from ._parameters import each_trajectory
from ._signature import Signature
from ._units import Units

# Of the logarithm of a number: a tenth of it.
_LEAST_SPREAD = 0.1


class OwnUnits(eqx.Module):
    """One sample's units: what to take off each field, and what to divide it by; and
    the dimensionless numbers that they leave: normalised logarithms.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    offsets: Float[Array, " fields"]
    scales: Float[Array, " fields"]
    numbers: Float[Array, " numbers"]

    def normalise(self, image: GeometricImage) -> GeometricImage:
        """Frames or histories in the sample's units; any leading axes.

        **Raises:** `ValueError` if a field has no unit.
        """
        offsets, scales = self._features(image)
        array = (image.array.astype(scales.dtype) - offsets) / scales
        return image.with_array(array.astype(image.dtype))

    def restore(self, image: GeometricImage) -> GeometricImage:
        """Back to the units of the data."""
        offsets, scales = self._features(image)
        array = image.array.astype(scales.dtype) * scales + offsets
        return image.with_array(array.astype(image.dtype))

    def _features(self, image: GeometricImage) -> tuple[Array, Array]:
        unknown = [str(e) for e in image.signature if e.name not in self.names]
        if unknown:
            raise ValueError(
                f"{', '.join(unknown)} of '{image.signature}' has no unit: those of "
                f"{', '.join(self.names)} are known."
            )
        where = np.concatenate(
            [
                np.full(e.features(image.num_spatial_dims), self.names.index(e.name))
                for e in image.signature
            ]
        )
        return self.offsets[where], self.scales[where]


@dataclasses.dataclass(frozen=True)
class UnitNormaliser:
    """Units of each sample's own, and what is normal in them.

    Made by `fit_unit_normaliser`. Exactly covariant to a change of units, bit for bit
    where that is by powers of two; invariant under every group, to rounding.

    `units` says of which dimensions; `number_scales` are the standard deviations that
    belong to `number_means`.
    """

    units: Units
    normaliser: Normaliser
    """Of one frame in dimensionless units."""
    number_means: tuple[float, ...]
    """Of the logarithm of each dimensionless number."""
    number_scales: tuple[float, ...]

    @property
    def signature(self) -> Signature:
        """What a frame holds."""
        return self.normaliser.signature

    def own_units(
        self, image: GeometricImage, parameters: Float[Array, " parameters"]
    ) -> OwnUnits:
        """The units of a sample.

        **Arguments:** `image`: a frame, or a history of frames; `parameters`: those of
        the sample, in the order of `units.parameters`.
        """
        values = self.units.scale_values(image, parameters)
        dimensions = dict(self.units.fields)
        entries = self.signature.entries
        units = jnp.stack(
            [self.units.unit(dimensions[e.name], values) for e in entries]
        )
        mean, scale = (
            jnp.asarray(numbers, units.dtype)
            for numbers in (self.normaliser.mean, self.normaliser.scale)
        )
        names = tuple(entry.name for entry in entries)
        numbers = self._numbers(values, parameters, units.dtype)
        return OwnUnits(names, units * mean, units * scale, numbers)

    def _numbers(self, values: Any, parameters: Array, dtype: Any) -> Array:
        logarithms = [
            jnp.log(parameters[n].astype(dtype) / self.units.unit(dimension, values))
            for n, (name, dimension) in enumerate(self.units.parameters)
            if name in self.units.numbers
        ]
        if not logarithms:
            return jnp.zeros(0, dtype)
        mean, scale = (
            jnp.asarray(x, dtype) for x in (self.number_means, self.number_scales)
        )
        return (jnp.stack(logarithms) - mean) / scale


class _Dimensionless(NamedTuple):
    """Frames in units of their own, computed a few at a time."""

    shape: tuple[int, ...]
    dtype: np.dtype
    blocks: Callable[[], Iterator[tuple[int, np.ndarray]]]


@checked
def fit_unit_normaliser(
    units: Units,
    signature: "Signature | str",
    frames: Any,
    parameters: "Mapping[str, Any]",
) -> UnitNormaliser:
    """What is normal in units of each frame's own.

    **Arguments:**

    - `units`: such as `flow_units()`.
    - `signature`: what a frame holds; each entry by a name that `units` has.
    - `frames`: `(trajectories, times, *grid, features)`, in the units of the data, or
        `LazyFrames`.
    - `parameters`: what is given with the samples, by name: one number for all, or one
        for each trajectory.

    **Raises:** `ValueError` if a field has no dimension, a scale is not positive in
    some frame, a parameter is missing or not positive, or a field is constant.
    """
    signature = Signature(signature)
    units.check_signature(signature)
    d = check_frames(signature, frames)
    rows = parameter_rows(units, parameters, len(frames))
    bare = UnitNormaliser(
        units,
        Normaliser(signature, (0.0,) * len(signature), (1.0,) * len(signature), d),
        (0.0,) * len(units.numbers),
        (1.0,) * len(units.numbers),
    )

    @jax.jit
    def dimensionless(frames: Array, row: Array) -> tuple[Array, Array, Array]:
        def one(frame: Array) -> tuple[Array, Array, Array]:
            image = GeometricImage(signature, frame, d)
            own = bare.own_units(image, row)
            scales = jnp.stack(units.scale_values(image, row))
            return own.normalise(image).array, own.numbers, scales

        return jax.vmap(one)(frames)

    logarithms = []

    def blocks() -> Iterator[tuple[int, np.ndarray]]:
        for n, block in blocks_of(frames):
            result, numbers, scales = map(np.asarray, dimensionless(block, rows[n]))
            logarithms.append(numbers.astype(np.float64))
            if not (scales > 0).all() or not np.isfinite(result).all():
                raise ValueError(
                    f"`scales` {list(units.scales)} are not all positive in trajectory "
                    f"{n}: a scale must measure every sample. Choose another one, or "
                    "leave the trajectory out."
                )
            yield n, result

    normaliser = fit_normaliser(
        signature, _Dimensionless(frames.shape, np.dtype(np.float32), blocks)
    )
    found = np.concatenate(logarithms)
    spread = found.std(axis=0)
    return dataclasses.replace(
        bare,
        normaliser=normaliser,
        number_means=tuple(found.mean(axis=0).tolist()),
        # What hardly varies tells little: it must not be made loud, nor its rounding.
        number_scales=tuple(np.maximum(spread, _LEAST_SPREAD).tolist()),
    )


def parameter_rows(
    units: Units, parameters: Mapping[str, Any], trajectories: int
) -> Float[np.ndarray, "trajectories parameters"]:
    """Parameters by name as one row for each trajectory, in the order of the units.

    **Raises:** `ValueError` if one is missing, not known, not positive or not one
    number or one for each trajectory.
    """
    found = each_trajectory(parameters, trajectories)
    rows = [
        units.given({name: values[n] for name, values in found.items()})
        for n in range(trajectories)
    ]
    return np.asarray(rows, np.float32)
