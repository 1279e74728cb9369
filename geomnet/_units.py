"""Units built from the data: dimensions of fields, and Buckingham's theorem.

A law of physics holds in any units. So a network may see every sample in units of its
own (its mean density, its speed of sound, its cells) and the dimensionless numbers that
these leave (Buckingham 1914); then it predicts as well in units never seen.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._arguments import check_kind, checked
from ._arithmetic import accumulator
from ._image import GeometricImage
from ._signature import SCALAR, Signature

BASE_DIMENSIONS: tuple[str, ...] = ("M", "L", "T", "I", "K")
"""Mass, length, time, electric current, temperature."""

_POWER = re.compile(r"([A-Z])(?:\^(-?\d+(?:/\d+)?))?")
_SCALE = re.compile(r"(mean|rms) (\S+)")

Exponents = tuple[Fraction, ...]


def parse_dimension(text: str) -> Exponents:
    """The exponents of `BASE_DIMENSIONS` in a text such as `"M L^-1 T^-2"`.

    `"1"` is no dimension; exponents may be fractions, `"L^1/2"`.

    **Raises:** `ValueError` if the text is not understood.
    """
    exponents = dict.fromkeys(BASE_DIMENSIONS, Fraction(0))
    for word in [] if text == "1" else text.split():
        match = _POWER.fullmatch(word)
        if match is None or match[1] not in exponents:
            raise ValueError(
                f"{text!r} is no dimension: write powers of {', '.join(exponents)} "
                "(mass, length, time, current, temperature) parted by blanks, such as "
                "'M L^-1 T^-2' for a pressure, or '1'."
            )
        exponents[match[1]] += Fraction(match[2] or 1)
    return tuple(exponents.values())


@dataclasses.dataclass(frozen=True, init=False)
class Units:
    """What dimension each field has, and which scales of a sample measure them.

    Every field and parameter is measured in a product of powers of the scales, found
    from the dimensions. Each parameter that is no scale leaves one dimensionless
    number, as Buckingham's theorem has it.
    """

    fields: tuple[tuple[str, str], ...]
    """The dimension of each field of a frame, by name."""
    scales: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    """The dimension of each number that is given with a sample, by name, in order."""

    def __init__(
        self,
        fields: "Mapping[str, Any] | Iterable[Any]",
        scales: Sequence[str],
        parameters: "Mapping[str, Any] | Iterable[Any]" = (),
    ):
        """**Arguments:**

        - `fields`: the dimension of each, such as `{"density": "M L^-3", "velocity":
            "L T^-1"}`: powers of M, L, T, I, K.
        - `scales`: positive quantities that a sample has: `"mean density"` (of a scalar
            field over the grid and the frames given), `"rms velocity"` (the root mean
            square of a tensor's norm), or the name of a parameter. As many as it takes
            to measure the fields and parameters, and no more.
        - `parameters`: the dimension of each number that is given with a sample, such
            as `{"cell": "L", "time_step": "T"}`.

        **Raises:** `ValueError` for what is no dimension or scale, and where the scales
        are too few or depend on each other.
        """
        check_kind("scales", scales, Sequence[str])
        object.__setattr__(self, "fields", _pairs("fields", fields))
        object.__setattr__(self, "scales", tuple(scales))
        object.__setattr__(self, "parameters", _pairs("parameters", parameters))
        self._check_names()
        own = [self._dimension_of(scale) for scale in self.scales]
        if _rank(own) < len(own):
            raise ValueError(
                f"`scales` {list(self.scales)} are not independent: one is a product "
                "of powers of the others. Leave one out."
            )
        for name, dimension in (*self.fields, *self.parameters):
            if _solved(own, parse_dimension(dimension)) is None:
                raise ValueError(
                    f"`scales` {list(self.scales)} can't measure '{name}' of dimension "
                    f"{dimension!r}: add a scale that has what is missing."
                )

    @property
    def numbers(self) -> tuple[str, ...]:
        """The parameters that are no scale, each of which leaves a number."""
        return tuple(name for name, _ in self.parameters if name not in self.scales)

    def given(self, parameters: Mapping[str, float]) -> tuple[float, ...]:
        """Parameters by name in the order of `parameters`.

        **Raises:** `ValueError` if one is missing, not known or not positive.
        """
        names = [name for name, _ in self.parameters]
        if set(parameters) != set(names):
            raise ValueError(f"`parameters` must be {names}, got {sorted(parameters)}.")
        values = tuple(float(parameters[name]) for name in names)
        for name, value in zip(names, values, strict=True):
            if not 0 < value < float("inf"):
                raise ValueError(
                    f"`parameters`: '{name}' must be positive, got {value}: its "
                    "logarithm is what a network gets. Leave out of `Units` what is "
                    "zero in every sample."
                )
        return values

    def scale_values(
        self, image: GeometricImage, parameters: Float[Array, " parameters"]
    ) -> tuple[Float[Array, ""], ...]:
        """What each scale is in a sample: an `image` of one frame or a history of
        frames, and its `parameters` in order.

        In float32 at least. Invariant under every group to rounding.
        """
        dtype = accumulator(image.dtype)
        names = [name for name, _ in self.parameters]
        values = []
        for scale in self.scales:
            match = _SCALE.fullmatch(scale)
            if match is None:
                values.append(parameters[names.index(scale)].astype(dtype))
                continue
            field = image[match[2]].astype(dtype)
            if match[1] == "mean":
                values.append(field.mean())
            else:
                d = image.num_spatial_dims
                tensor_axes = tuple(range(d + 1, field.ndim))
                norms = jnp.square(field).sum(axis=tensor_axes)
                values.append(jnp.sqrt(norms.mean()))
        return tuple(values)

    def unit(self, dimension: str, values: Sequence[Array]) -> Array:
        """The product of powers of the scales that has a `dimension`, such as `"L
        T^-1"`.

        `values` are those of the scales, as `scale_values` gives. Whole powers are
        products, and halves their root: a change of units by powers of two is exact,
        where its root is one.

        **Raises:** `ValueError` for a dimension that is not understood, that the scales
        do not make, or by roots of unlike order.
        """
        own = [self._dimension_of(scale) for scale in self.scales]
        powers = _solved(own, parse_dimension(dimension))
        if powers is None:
            raise ValueError(
                f"`dimension` {dimension!r} is no product of powers of `scales` "
                f"{list(self.scales)}: add a scale that has what is missing."
            )
        root = max([power.denominator for power in powers], default=1)
        result = jnp.ones((), values[0].dtype if values else jnp.float32)
        for value, power in zip(values, powers, strict=True):
            whole = power * root
            if whole.denominator != 1:
                raise ValueError(f"'{dimension}' needs roots of unlike order.")
            for _ in range(abs(int(whole))):
                result = result * value if whole > 0 else result / value
        if root == 2:
            return jnp.sqrt(result)
        return result if root == 1 else jnp.power(result, 1 / root)

    def converted(
        self, image: GeometricImage, factors: Mapping[str, float]
    ) -> GeometricImage:
        """The fields of `image` in other units.

        **Arguments:**

        - `factors`: by how much the numbers of quantities of each base dimension grow,
            such as `{"L": 100.0}` from metres to centimetres.

        **Raises:** `ValueError` for a field without a dimension, or an unknown base.
        """
        dimensions = dict(self.fields)
        unknown = [str(e) for e in image.signature if e.name not in dimensions]
        if unknown:
            raise ValueError(
                f"{', '.join(unknown)} of '{image.signature}' has no dimension: add it "
                f"to `fields` of `Units`, which has {list(dimensions)}."
            )
        growth = np.concatenate(
            [
                np.full(
                    entry.features(image.num_spatial_dims),
                    _growth(dimensions[entry.name], factors),
                )
                for entry in image.signature
            ]
        )
        return image.with_array(image.array * jnp.asarray(growth, image.dtype))

    def converted_parameters(
        self, parameters: Sequence[float], factors: Mapping[str, float]
    ) -> tuple[float, ...]:
        """The same `parameters`, in their order, in other units.

        **Arguments:** `factors`: as of `converted`.

        **Raises:** `ValueError` for an unknown base.
        """
        return tuple(
            float(value) * _growth(dimension, factors)
            for value, (_, dimension) in zip(parameters, self.parameters, strict=True)
        )

    def check_signature(self, frame: Signature) -> None:
        """Refuses a `frame`, the signature of one, that these units do not fit.

        **Raises:** `ValueError` unless each entry has a dimension, and each scale is of
        an entry.
        """
        dimensions = dict(self.fields)
        for entry in frame:
            if entry.name not in dimensions:
                raise ValueError(
                    f"Entry '{entry}' of '{frame}' has no dimension: give it a name, "
                    f"and add it to `fields` of `Units`, which has {dimensions}."
                )
        for scale in self.scales:
            match = _SCALE.fullmatch(scale)
            if match is None:
                continue
            entry = next((e for e in frame if e.name == match[2]), None)
            if entry is None:
                raise ValueError(f"Scale '{scale}' is of no entry of '{frame}'.")
            if match[1] == "mean" and entry.type != SCALAR:
                raise ValueError(
                    f"Scale '{scale}': the mean of a '{entry.type}' depends on the "
                    f"frame of reference; take 'rms {entry.name}'."
                )

    def _dimension_of(self, scale: str) -> Exponents:
        match = _SCALE.fullmatch(scale)
        known = dict(self.fields) if match else dict(self.parameters)
        name = match[2] if match else scale
        if name not in known:
            raise ValueError(
                f"`scales`: {scale!r} is none: write 'mean' or 'rms' and a field of "
                f"{list(dict(self.fields))}, or a parameter of "
                f"{list(dict(self.parameters))}."
            )
        return parse_dimension(known[name])

    def _check_names(self) -> None:
        for what in ("fields", "parameters"):
            names = [name for name, _ in getattr(self, what)]
            if len(set(names)) < len(names):
                raise ValueError(f"`{what}` names {names}: each once.")
        for _, dimension in (*self.fields, *self.parameters):
            parse_dimension(dimension)


@checked
def flow_units(*parameters: str) -> Units:
    """Units of compressible flow: mean density, mean pressure, and the cell.

    So velocities are measured in `sqrt(p / ρ)`, which is the speed of sound but for
    `sqrt(γ)`, times in what it takes to cross a cell.

    **Arguments:**

    - `parameters`: which of `"time_step"`, `"shear_viscosity"`, `"bulk_viscosity"`
        (dynamic) and `"conductivity"` (thermal, over the gas constant) are given with
        each sample, besides `"cell"`; by default the first two. What is the same
        dimensionless number in every sample may be left out.

    **Raises:** `ValueError` for another name.
    """
    known = {
        "time_step": "T",
        "shear_viscosity": "M L^-1 T^-1",
        "bulk_viscosity": "M L^-1 T^-1",
        "conductivity": "M L^-1 T^-1",
    }
    chosen = parameters or ("time_step", "shear_viscosity")
    for name in chosen:
        if name not in known:
            raise ValueError(f"`parameters` must be of {list(known)}, got {name!r}.")
    return Units(
        {"density": "M L^-3", "pressure": "M L^-1 T^-2", "velocity": "L T^-1"},
        ("mean density", "mean pressure", "cell"),
        {"cell": "L", **{name: known[name] for name in chosen}},
    )


def _growth(dimension: str, factors: Mapping[str, float]) -> float:
    unknown = sorted(set(factors) - set(BASE_DIMENSIONS))
    if unknown:
        raise ValueError(f"`factors` must be of {BASE_DIMENSIONS}, got {unknown}.")
    exponents = dict(zip(BASE_DIMENSIONS, parse_dimension(dimension), strict=True))
    growth = 1.0
    for base, factor in factors.items():
        growth *= float(factor) ** float(exponents[base])
    return growth


def _pairs(argument: str, given: object) -> tuple[tuple[str, str], ...]:
    items = given.items() if isinstance(given, Mapping) else given
    try:
        pairs = tuple((name, value) for name, value in items)  # pyright: ignore
    except (TypeError, ValueError):
        pairs = ((None, None),)
    if not all(isinstance(x, str) for pair in pairs for x in pair):
        raise TypeError(
            f"`{argument}` must map names to dimensions, such as {{'velocity': "
            f"'L T^-1'}}, got {given!r}."
        )
    return pairs  # pyright: ignore


def _solved(
    columns: Sequence[Exponents], wanted: Exponents
) -> tuple[Fraction, ...] | None:
    """The powers of independent columns whose product is `wanted`, if there are any."""
    rows = [[*(c[n] for c in columns), wanted[n]] for n in range(len(wanted))]
    pivots = _eliminated(rows, len(columns))
    if any(row[-1] for row in rows[len(pivots) :]):
        return None
    powers = [Fraction(0)] * len(columns)
    for row, column in zip(rows, pivots, strict=False):
        powers[column] = row[-1]
    return tuple(powers)


def _rank(columns: Sequence[Exponents]) -> int:
    rows = [list(column) for column in columns]
    return len(_eliminated(rows, len(BASE_DIMENSIONS)))


def _eliminated(rows: list[list[Fraction]], width: int) -> list[int]:
    """Gauss and Jordan, in place and exact; the columns of the pivots."""
    pivots: list[int] = []
    for column in range(width):
        top = len(pivots)
        found = next((n for n in range(top, len(rows)) if rows[n][column]), None)
        if found is None:
            continue
        rows[top], rows[found] = rows[found], rows[top]
        rows[top] = [x / rows[top][column] for x in rows[top]]
        for n, row in enumerate(rows):
            if n != top and row[column]:
                rows[n] = [
                    a - row[column] * b for a, b in zip(row, rows[top], strict=True)
                ]
        pivots.append(column)
    return pivots
