"""What to generate: one frozen, validated description, stored in the file it made."""

import dataclasses
import json
import math
from typing import Any, Literal

from .._suggestion import suggested
from ..formats._registry import FORMATS
from ..solver._grid import Grid
from ..solver._schemes import SCHEMES, VISCOUS_STEPPERS
from ._families import FAMILIES
from ._settings import Choice, Number, setting

Range = float | tuple[float, float]

# What may have a value of its own in each trajectory.
DRAWN = ("mach", "shear_viscosity", "bulk_viscosity")
FLOATS = ("float32", "float64")
# What JAX makes a key of.
MAX_SEED = 2**63 - 1
# It changes no bit of the file.
_IRRELEVANT = ("batch",)


class StoredName(str):
    """The name of a family as a file has it, which may not be registered here."""


@dataclasses.dataclass(frozen=True)
class GenerateConfig:
    """A set of trajectories: everything that decides its bits.

    **Arguments:**

    - `family`: the initial states, a name from `pde_data.FAMILIES`, which has values of
      its own for `mach`, both viscosities and `final_time`: they hold where none is
      given.
    - `grid`, `extent`: cells stored along each axis, of which there are as many as
      numbers, 1 to 3; length of the box, one number or one per axis.
    - `mach`, `shear_viscosity`, `bulk_viscosity` (dynamic unless
      `viscosity="kinematic"`): a number, or `(low, high)` for a log-uniform draw per
      trajectory.
    - `gamma`, `prandtl_number` (`None`: no heat conduction): the gas.
    - `trajectories`, `snapshots` (the start included), `final_time`: how much.
    - `seed`: from 0 to 2**63 - 1; trajectory `i` depends on `seed` and `i` alone.
    - `dtype`: stored, "float32" or "float64"; `precision`: computed, the same names.
    - `scheme`: a name from `pde_data.SCHEMES`; `courant_number`: `None` for its own.
    - `viscous_steps`: "explicit" for one step of all terms; "rkl2" for viscosity and
      conduction in steps of their own, so that sound alone bounds the step; "auto" for
      the second where viscosity bounds it more than 1.5 times as much as sound.
    - `refinement`: simulate with so many times the cells per axis, store averages.
    - `batch`: trajectories at once on an accelerator, `None` for as many as fit into
      half of its memory, up to 96; it changes no bit of the result.
    - `format`: "pdebench" or "well", or another name from `pde_data.formats.FORMATS`;
      `compression`: `None` or "gzip".
    - `shard`: `(i, n)` for the i-th of n parts, counted from 1: a file of its own with
      an n-th of the trajectories. All parts together hold the bits of one whole file.

    **Raises:** `ValueError` naming the field that has no meaning, and what it may be;
    `TypeError` for a field that there is not, with the nearest one.

    **Good values:** `python -m pde_data list` lists them.
    """

    family: str = setting(
        "random_fourier", Choice(lambda: sorted(FAMILIES)), "initial states"
    )
    grid: tuple[int, ...] = setting(
        (128, 128),
        Number(4, 65536, whole=True, listed=True),
        "cells along each axis: one number is a line, two a plane, three a box",
    )
    extent: float | tuple[float, ...] = setting(
        1.0,
        Number(1e-6, 1e6, listed=True),
        "length of the box: one number, or one along each axis",
    )
    mach: Range = setting(
        None,
        Number(0, 100, drawn=True),
        "Mach number; two numbers: a log-uniform range",
    )
    shear_viscosity: Range = setting(
        None,
        Number(0, 1e6, drawn=True),
        "dynamic shear viscosity; two numbers: a log-uniform range",
        "eta",
    )
    bulk_viscosity: Range = setting(
        None,
        Number(0, 1e6, drawn=True),
        "dynamic bulk viscosity; two numbers: a log-uniform range",
        "zeta",
    )
    viscosity: Literal["dynamic", "kinematic"] = setting(
        "dynamic",
        Choice(lambda: ("dynamic", "kinematic")),
        "kinematic: both viscosities are multiplied by the local density",
    )
    prandtl_number: float | None = setting(
        None,
        Number(1e-6, 1e6, optional=True),
        "of heat conduction, 0.7 for air; without: no conduction",
    )
    gamma: float = setting(
        5 / 3, Number(1.0001, 100), "ratio of specific heats, 1.4 for air"
    )
    trajectories: int = setting(1, Number(1, 10**7, whole=True), "how many to make")
    snapshots: int = setting(
        21, Number(2, 10**6, whole=True), "times stored, the start included"
    )
    final_time: float = setting(None, Number(1e-9, 1e9), "time of the last snapshot")
    seed: int = setting(0, Number(0, MAX_SEED, whole=True), "decides every random draw")
    dtype: str = setting("float32", Choice(lambda: FLOATS), "precision stored")
    precision: str = setting("float32", Choice(lambda: FLOATS), "precision computed")
    scheme: str = setting("muscl", Choice(lambda: sorted(SCHEMES)), "numerical scheme")
    courant_number: float | None = setting(
        None,
        Number(1e-6, 1, optional=True),
        "time step over the largest that is stable; without: the scheme's own, see "
        "`list`",
    )
    viscous_steps: str = setting(
        "auto",
        Choice(lambda: ("auto", *VISCOUS_STEPPERS)),
        "rkl2: viscosity in steps of its own; auto: where it bounds the step",
    )
    refinement: int = setting(
        1,
        Number(1, 1024, whole=True),
        "simulate with so many times the cells along each axis, store averages",
    )
    batch: int | None = setting(
        None,
        Number(1, 4096, whole=True, optional=True),
        "trajectories at once on an accelerator; without: as many as fit, up to 96",
    )
    format: str = setting(
        "pdebench", Choice(lambda: sorted(FORMATS)), "layout of the file"
    )
    compression: str | None = setting(
        None,
        Choice(lambda: ("gzip",), optional=True),
        "of the finished file; without: none",
    )
    shard: tuple[int, int] = setting(
        (1, 1),
        Number(1, 10**7, whole=True, listed=True),
        "make the I-th of N parts, in a file of its own (OUT-I-of-N); each part "
        "may run in another process or on another host",
    )

    def __new__(cls, *positional: Any, **named: Any) -> "GenerateConfig":
        """Refuse a name that is no field, and name the nearest one."""
        fields = dataclasses.fields(cls)
        names = {field.name: field.name for field in fields}
        symbols = {field.metadata["symbol"]: field.name for field in fields}
        for name in named:
            if name not in names:
                meant = symbols.get(name) or suggested(name, names)
                hint = f" Did you mean {meant}?" if meant else ""
                raise TypeError(f"GenerateConfig has no field `{name}`.{hint}")
        return super().__new__(cls)

    def __post_init__(self):
        # Equal settings are equal values, however they were written: lists become
        # tuples and whole numbers floats. A frozen dataclass lets its own
        # `__post_init__` set a field only in this way.
        own = FAMILIES[self.family].settings if self.family in FAMILIES else {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None:
                value = own.get(field.name)
            if not isinstance(value, StoredName):
                value = field.metadata["kind"].checked(field.name, value)
            object.__setattr__(self, field.name, value)
        object.__setattr__(self, "extent", _extent(self.extent, len(self.grid)))
        _check_together(self)

    @property
    def indices(self) -> range:
        """The trajectories of this part, by their numbers in the whole."""
        part, parts = self.shard
        return range(
            (part - 1) * self.trajectories // parts, part * self.trajectories // parts
        )

    @property
    def box(self) -> Grid:
        """The grid as stored."""
        return Grid(self.grid, self.extent)

    @property
    def interval(self) -> float:
        """The time between two snapshots."""
        return self.final_time / (self.snapshots - 1)

    @property
    def times(self) -> tuple[float, ...]:
        """The times of the snapshots, the first of which is zero."""
        last = self.snapshots - 1
        return tuple(self.final_time * (i / last) for i in range(self.snapshots))

    @property
    def coarser_precision(self) -> str:
        """The coarser of the precisions that are computed in and stored."""
        return min(self.dtype, self.precision)

    def to_json(self) -> str:
        """A text that `from_json` reads back, but for what changes no number."""
        fields = dataclasses.asdict(self)
        for name in _IRRELEVANT:
            del fields[name]
        return json.dumps(fields, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> "GenerateConfig":
        """The configuration that `to_json` wrote as `text`.

        **Raises:** `ValueError` for fields that this version does not know.
        """
        fields = json.loads(text)
        known = {field.name for field in dataclasses.fields(GenerateConfig)}
        unknown = sorted(set(fields) - known)
        if unknown:
            raise ValueError(
                f"the stored configuration has fields that this version of pde_data "
                f"does not know: {', '.join(unknown)}."
            )
        if isinstance(fields.get("family"), str):
            fields["family"] = StoredName(fields["family"])
        return GenerateConfig(**{k: _untuple(v) for k, v in fields.items()})

    def differences(self, other: "GenerateConfig") -> dict[str, tuple[Any, Any]]:
        """The fields in which `other` would give another file."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        return {
            name: (mine[name], theirs[name])
            for name in mine
            if name not in _IRRELEVANT and mine[name] != theirs[name]
        }


def single_value(value: Range) -> float:
    """The number, or NaN where each trajectory has its own."""
    return math.nan if isinstance(value, tuple) else value


def _untuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _extent(lengths: Any, num_axes: int) -> float | tuple[float, ...]:
    if len(lengths) not in (1, num_axes):
        raise ValueError(
            f"`extent` must be one number or one per axis ({num_axes}), got {lengths}."
        )
    # A cube's box is one number, whichever way it was given.
    return lengths[0] if len(set(lengths)) == 1 else lengths


def _check_together(config: GenerateConfig) -> None:
    """What one setting alone can't tell."""
    if not 1 <= len(config.grid) <= 3:
        raise ValueError(
            f"`grid` must have 1 to 3 axes of at least 4 cells, got {config.grid}."
        )
    family = FAMILIES.get(config.family)
    if family is not None and len(config.grid) < family.least_axes:
        raise ValueError(
            f"`grid` must have at least {family.least_axes} axes for the family "
            f"{config.family}, got {config.grid}."
        )
    if len(config.shard) != 2 or not config.shard[0] <= config.shard[1]:
        raise ValueError(
            f"`shard` must be (i, n) with 1 <= i <= n, got {config.shard}."
        )
    if config.shard[1] > config.trajectories:
        raise ValueError(
            f"`shard` must not have more parts than there are `trajectories` "
            f"({config.trajectories}), got {config.shard[1]}."
        )
