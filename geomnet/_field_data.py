"""Fields of anybody's arrays and files, said to be what they are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._arguments import check_kind, checked
from ._axes import TIME, TRAJECTORY, Axes
from ._parameters import each_trajectory
from ._signature import Entry, Signature
from ._sources import as_sources
from ._stored_field import StoredField
from ._units import Units, parse_dimension


class FieldData:
    """A data set made of arrays or files of any layout: their fields by name.

    `fields` are its entries; `data["velocity"]` is an array `(trajectory, time, *grid,
    *tensor)`, axis 0 of the grid along x, of which only what is sliced is read;
    `parameters` hold one number for each trajectory, by name. `LazyFrames`,
    `read_frames` and `flow_signature` take it.

    Files stay open until `close`, or the end of a `with` block. With files named by
    their paths it can be pickled.
    """

    @checked
    def __init__(
        self,
        source: Any,
        signature: "Signature | str",
        *,
        axes: "str | Mapping[str, str]",
        datasets: Mapping[str, Any] | None = None,
        dimensions: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ):
        """**Arguments:**

        - `source`: arrays by name (a dict, an open file of h5py, a data set of xarray,
            a group of zarr), or the path of a file: `.npz`, HDF5 (`.h5`, `.hdf5`,
            `.mat`), or what xarray opens (`.nc`, `.zarr`; `geomnet[xarray]`). A list of
            such is joined along the trajectories: one run in each file, for instance.
            An `.npz` is read as a whole, the others by slices. A file of HDF5 that
            takes arrays from other files is refused, unless you open it.
        - `signature`: the type of each field, such as `"vorticity:0- velocity:1+"`.
        - `axes`: what the axes of the arrays are, in their order: `trajectory`, `time`,
            `x`, `y`, `z`, `component`. `"trajectory time y x"` is `[y, x]` in the end,
            where `-y` says that y falls from row to row. Components of tensors come
            last where no word says where. Of fields with unlike axes a text for each,
            by name. What lacks `trajectory` or `time` is the same in all. Arrays of
            xarray name their axes, and are taken by name: `"time:t y:lat x:lon"`.
        - `datasets`: the name of a field's array in the source, if it is another:
            `{"velocity": "flow/u"}`; several if each component (x, y, z; row by row) is
            an array of its own, `{"velocity": ["u", "v"]}`; `"data[2]"` is number 2
            along the axis `component` of an array of many fields.
        - `dimensions`: of fields and parameters, in powers of M, L, T, I, K, such as
            `{"velocity": "L T^-1"}`, for `units`.
        - `parameters`: numbers by name, one for all trajectories or one for each, or
            the name of an array in the source that holds them.

        **Raises:** `ValueError`, naming the field, for what the source has not, axes
        that are not those of the arrays, unlike grids, no dimension, and parameters
        that are not as many as trajectories; `TypeError` for what is no source.
        """
        self.signature = Signature(signature)
        self.fields: tuple[Entry, ...] = self.signature.entries
        _check_single(self.signature)
        known = self.signature.names
        texts = {n: axes for n in known} if isinstance(axes, str) else dict(axes)
        _check_names("axes", texts, known, every=True)
        _check_names("datasets", datasets or {}, known)
        laid = {name: Axes.parse(text) for name, text in texts.items()}
        first = known[0]
        self.num_spatial_dims = d = len(laid[first].space)
        for name in known:
            if len(laid[name].space) != d:
                raise ValueError(
                    f"`axes` gives field '{name}' a grid of {len(laid[name].space)} "
                    f"axes, but '{first}' one of {d}: all need one grid."
                )
        self._sources = as_sources(source)
        try:
            self._find(laid, datasets or {}, parameters or {})
        except BaseException:
            self.close()
            raise
        self.dimensions: dict[str, str] = dict(dimensions or {})
        _check_names("dimensions", self.dimensions, (*known, *self.parameters))
        for text in self.dimensions.values():
            parse_dimension(text)

    def _find(
        self,
        axes: dict[str, Axes],
        datasets: Mapping[str, Any],
        parameters: Mapping[str, Any],
    ) -> None:
        parts = [
            {
                entry.name: StoredField.of(
                    source,
                    entry,
                    axes[entry.name],
                    datasets.get(entry.name, entry.name),
                )
                for entry in self.fields
            }
            for source in self._sources
        ]
        lengths, times = _agreed(parts)
        self._arrays = {
            name: FieldArray([part[name] for part in parts], lengths, times)
            for name in axes
        }
        self.parameters: dict[str, np.ndarray] = each_trajectory(
            {
                name: self._stored(given, lengths) if isinstance(given, str) else given
                for name, given in parameters.items()
            },
            sum(lengths),
        )

    @property
    def grid(self) -> tuple[int, ...]:
        """The number of cells along each axis, x first."""
        return self[self.fields[0].name].shape[2 : 2 + self.num_spatial_dims]

    def units(self, scales: Sequence[str]) -> Units:
        """Units of each sample's own, measured in `scales`, of the dimensions that were
        given.

        **Raises:** `ValueError` if a field or a parameter has none, or as `Units` does.
        """
        names = [*self.signature.names, *self.parameters]
        missing = [name for name in names if name not in self.dimensions]
        if missing:
            raise ValueError(
                f"`dimensions` must have one for {', '.join(missing)}, such as "
                "'L T^-1'."
            )
        found = self.dimensions
        return Units(
            {name: found[name] for name in self.signature.names},
            scales,
            {name: found[name] for name in self.parameters},
        )

    def __getitem__(self, name: str) -> "FieldArray":
        if name not in self._arrays:
            raise KeyError(f"no field {name!r}; there are {', '.join(self._arrays)}")
        return self._arrays[name]

    def __repr__(self) -> str:
        first = self[self.fields[0].name].shape
        return (
            f"FieldData('{self.signature}', {first[0]} trajectories, {first[1]} times, "
            f"grid {self.grid})"
        )

    def close(self) -> None:
        """Closes the files that were named by their paths."""
        for source in self._sources:
            source.close()

    def __enter__(self) -> "FieldData":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _stored(self, name: str, lengths: list[int]) -> np.ndarray:
        found = []
        for source, length in zip(self._sources, lengths, strict=True):
            values = np.asarray(source[name])
            if values.size not in (1, length):
                raise ValueError(
                    f"`parameters`: '{name}' of {source} must be one number, or one "
                    f"for each of {length} trajectories, got shape {values.shape}."
                )
            found.append(np.broadcast_to(values.ravel(), (length,)))
        return np.concatenate(found)


class FieldArray:
    """One field `(trajectory, time, *grid, *tensor)`, read where it is sliced."""

    def __init__(self, parts: "list[StoredField]", lengths: list[int], times: int):
        self._parts, self._ends = parts, np.cumsum(lengths)
        self.dtype = np.result_type(*(part.dtype for part in parts))
        self.shape = (sum(lengths), times, *parts[0].cells)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        row, *rest = key if isinstance(key, tuple) else (key,)
        if not isinstance(row, int | np.integer):
            return np.asarray(self)[key]
        row, every = range(len(self))[row], range(self.shape[1])
        match rest:
            case [slice() as times, *rest] if every[times].step > 0:
                return self._read(row, every[times])[(slice(None), *rest)]
            case [int() | np.integer() as time, *rest]:
                first = every[time]
                return self._read(row, range(first, first + 1))[(0, *rest)]
        return self._read(row, every)[tuple(rest)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        del copy  # What is read is new, or repeated.
        every = range(self.shape[1])
        result = np.stack([self._read(row, every) for row in range(len(self))])
        return result if dtype is None else result.astype(dtype, copy=False)

    def _read(self, row: int, times: range) -> np.ndarray:
        part = int(np.searchsorted(self._ends, row, side="right"))
        before = int(self._ends[part - 1]) if part else 0
        return self._parts[part].read(row - before, times)


def _agreed(parts: "list[dict[str, StoredField]]") -> tuple[list[int], int]:
    """How many trajectories each source has, and how many times all have.

    **Raises:** `ValueError` where fields or sources differ.
    """
    first = next(iter(parts[0]))
    lengths = []
    times = None
    for number, part in enumerate(parts):
        here: dict[str, tuple[str, int]] = {}
        for name, field in part.items():
            for word, length in field.lengths.items():
                other, expected = here.setdefault(word, (name, length))
                if length != expected:
                    raise ValueError(
                        f"`source`: field '{name}' has {length} along '{word}', but "
                        f"'{other}' {expected}. Fields lie on one grid, at the same "
                        "times; read others apart."
                    )
        if part[first].cells != parts[0][first].cells:
            raise ValueError(
                f"`source`: number {number} of the list has field '{first}' on cells "
                f"{part[first].cells}, but the first {parts[0][first].cells}."
            )
        own = here.get(TIME, ("", 1))[1]
        times = own if times is None else times
        if own != times:
            raise ValueError(
                f"`source`: number {number} of the list has {own} times, but the first "
                f"{times}: cut all to the same, or read them apart."
            )
        lengths.append(here.get(TRAJECTORY, ("", 1))[1])
    assert times is not None
    if not times or not sum(lengths):
        raise ValueError("`source` has no frames: an axis of trajectory or time is 0.")
    return lengths, times


def _check_single(signature: Signature) -> None:
    for entry in signature:
        if not entry.name or entry.channels > 1:
            raise ValueError(
                f"`signature` has '{entry}': give each field a name of its own, as in "
                f"'dye:{entry.type}'."
            )


def _check_names(
    argument: str,
    given: Mapping[str, Any],
    known: Sequence[str],
    *,
    every: bool = False,
) -> None:
    """**Raises:** `ValueError` unless what is given belongs to names that are known."""
    check_kind(argument, given, Mapping[str, Any])
    unknown = [name for name in given if name not in known]
    missing = [name for name in known if name not in given] if every else []
    if unknown or missing:
        words = f"has {unknown[0]!r}" if unknown else f"lacks '{missing[0]}'"
        raise ValueError(
            f"`{argument}` {words}, but must name {', '.join(known)}, as the "
            "`signature` and the `parameters` do."
        )
