"""One field of one source: which arrays hold it, and how its frames are read."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ._axes import COMPONENT, SPACE, TIME, TRAJECTORY, Axes, is_labelled
from ._image import turned
from ._signature import Entry
from ._sources import Source

_PICKED = re.compile(r"(?P<name>.+)\[(?P<number>\d+)\]")


class StoredField:
    """One field of one source, as `(times, *grid, *tensor)` of each trajectory."""

    def __init__(
        self,
        source: Source,
        axes: Axes,
        stored: "list[tuple[str, int | None, tuple[str, ...]]]",
        tensor: tuple[int, ...],
    ):
        self._source, self._axes = source, axes
        self._stored, self._tensor = stored, tensor
        shapes = [self._lengths(name, words) for name, _, words in stored]
        self.lengths = shapes[0]
        for (name, _, _), shape in zip(stored, shapes, strict=True):
            if shape != self.lengths:
                raise ValueError(
                    f"`datasets`: '{name}' of {source} has the axes {shape}, but "
                    f"'{stored[0][0]}' {self.lengths}: components need one grid."
                )
        grid = tuple(self.lengths[word] for word in SPACE[: len(axes.space)])
        self.cells = (*grid, *tensor)
        self.dtype = np.result_type(*(source[name].dtype for name, _, _ in stored))

    @staticmethod
    def of(source: Source, entry: Entry, axes: Axes, datasets: Any) -> "StoredField":
        """**Raises:** `ValueError` if the arrays are not those of the field."""
        d = len(axes.space)
        tensor = entry.type.tensor_shape(d)
        names, is_whole = list(_flat(entry.name, datasets)), isinstance(datasets, str)
        if not is_whole and len(names) != entry.type.components(d):
            raise ValueError(
                f"`datasets`: field '{entry}' in {d} dimensions has "
                f"{entry.type.components(d)} components: name one array that holds "
                f"all, as text, or a list of one for each; got {names}."
            )
        stored = []
        for text in names:
            picked = _PICKED.fullmatch(text)
            name, number = (
                (picked["name"], int(picked["number"])) if picked else (text, None)
            )
            array = source[name]
            order = entry.type.order if is_whole else 0
            if number is not None:
                if order:
                    raise ValueError(
                        f"`datasets`: {text!r} is one number, but field '{entry}' has "
                        f"components {tensor}: name one for each."
                    )
                order = 1
            words = axes.of(array, order, entry.name)
            sides = [
                n for n, w in zip(array.shape, words, strict=True) if w == COMPONENT
            ]
            if number is None and tuple(sides) != (tensor if is_whole else ()):
                raise ValueError(
                    f"Field '{entry}' in {d} dimensions has components {tensor}, but "
                    f"'{name}' of {source}, shape {tuple(array.shape)}, has {sides} "
                    f"along `axes` ({', '.join(words)})."
                )
            if number is not None and number >= sides[0]:
                raise ValueError(
                    f"`datasets`: {text!r} must be from 0 to {sides[0] - 1}, the "
                    f"numbers along 'component' of shape {tuple(array.shape)}."
                )
            stored.append((name, number, words))
        return StoredField(source, axes, stored, tensor)

    def read(self, row: int, times: range) -> np.ndarray:
        """`(times, *grid, *tensor)` of one trajectory, by a slice of the arrays."""
        blocks = [self._block(row, times, *stored) for stored in self._stored]
        block = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=-1)
        for word in self._axes.falling:
            block = np.flip(block, 1 + SPACE.index(word))
        block = np.broadcast_to(block, (len(times), *block.shape[1:]))
        return block.reshape(len(times), *self.cells)

    def _block(
        self,
        row: int,
        times: range,
        name: str,
        number: int | None,
        words: tuple[str, ...],
    ) -> np.ndarray:
        """`(times or 1, *grid, components)`, x first."""
        array = self._source[name]
        where: dict[str, Any] = {
            TRAJECTORY: row,
            TIME: slice(times.start, times.stop, times.step),
        }
        if number is not None:
            where[COMPONENT] = number
        if is_labelled(array):
            axes = zip(array.dims, words, strict=True)
            array = array.isel(
                {dim: where.get(word, slice(None)) for dim, word in axes}
            )
            values = np.asarray(array.values)
        else:
            values = np.asarray(array[tuple(where.get(w, slice(None)) for w in words)])
        left = [w for w in words if not isinstance(where.get(w, slice(None)), int)]
        order = [n for n, w in enumerate(left) if w == TIME]
        order += [n for n, w in enumerate(left) if w in SPACE]
        order += [n for n, w in enumerate(left) if w == COMPONENT]
        values = values.transpose(order)
        if TIME not in left:
            values = values[None]
        # That of this array: arrays that name their axes may have them in any order.
        space = "".join(w for w in words if w in SPACE)
        values = values.reshape(*values.shape[: 1 + len(space)], -1)
        return turned(values, len(space), space)

    def _lengths(self, name: str, words: tuple[str, ...]) -> dict[str, int]:
        shape = self._source[name].shape
        return {w: n for w, n in zip(words, shape, strict=True) if w != COMPONENT}


def _flat(field: str, names: Any) -> Iterator[str]:
    if isinstance(names, str):
        yield names
    elif isinstance(names, list | tuple):
        for one in names:
            yield from _flat(field, one)
    else:
        raise TypeError(
            f"`datasets` must give field '{field}' the name of an array, or a list of "
            f"them, got {names!r:.60}."
        )
