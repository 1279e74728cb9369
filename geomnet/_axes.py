"""What the axes of stored arrays are: `"trajectory time y x"`."""

import dataclasses
import re
from typing import Any

import numpy as np

from ._arguments import check_kind

TRAJECTORY, TIME, COMPONENT = "trajectory", "time", "component"
SPACE = ("x", "y", "z")
WORDS = (TRAJECTORY, TIME, *SPACE, COMPONENT)

_WORD = re.compile(r"(?P<falls>-?)(?P<word>[a-z]+)(?::(?P<name>\S+))?")
# How far steps of a coordinate may differ on what is an even grid, but for rounding.
_UNEVEN = 1e-2


@dataclasses.dataclass(frozen=True)
class Axes:
    """One word for each axis of an array, in its order.

    `"trajectory"`, `"time"`, `"x"`, `"y"`, `"z"`, and `"component"` of a tensor. `"-y"`
    is an axis along which y falls, as in pictures, whose first row is the highest.
    `"y:lat"` is what a source that names its axes calls it.
    """

    words: tuple[str, ...]
    names: tuple[str, ...]
    falling: tuple[str, ...]

    @staticmethod
    def parse(text: str) -> "Axes":
        """**Raises:** `ValueError` for a word that is none, and without axes of a grid;
        `TypeError` for what is no text.
        """
        check_kind("axes", text, str)
        words, names, falling = [], [], []
        for part in text.split():
            match = _WORD.fullmatch(part)
            is_known = match is not None and match["word"] in WORDS
            if match is None or not is_known or (match["falls"] and _no_space(match)):
                raise ValueError(
                    f"`axes` {text!r} has {part!r}: write the axes in the order of the "
                    f"array, each one of {', '.join(WORDS)}, such as 'trajectory time "
                    "y x' for arrays [trajectory, time, y, x]; '-y' where y falls "
                    "along its axis, 'y:lat' for what the source calls 'lat'."
                )
            words.append(match["word"])
            names.append(match["name"] or match["word"])
            if match["falls"]:
                falling.append(match["word"])
        axes = Axes(tuple(words), tuple(names), tuple(falling))
        twice = [w for w in WORDS if w != COMPONENT and words.count(w) > 1]
        if twice:
            raise ValueError(f"`axes` {text!r} has '{twice[0]}' twice.")
        if not axes.space or sorted(axes.space) != list(SPACE[: len(axes.space)]):
            raise ValueError(
                f"`axes` {text!r} must hold the axes of the grid, each once: x, or x "
                "and y, or x, y and z, in the order in which the array has them."
            )
        return axes

    @property
    def space(self) -> str:
        """The axes of the grid in their order, such as `"yx"`."""
        return "".join(word for word in self.words if word in SPACE)

    @property
    def has_names(self) -> bool:
        """Whether it says what the source calls an axis."""
        return self.words != self.names

    def of(self, array: Any, components: int, field: str) -> tuple[str, ...]:
        """One word for each axis of an array of a field with so many tensor axes.

        **Raises:** `ValueError` if the array has other axes.
        """
        if is_labelled(array):
            return self._of_labelled(array, components, field)
        if self.has_names:
            raise ValueError(
                f"`axes` has names of axes {self.names}, but the array of field "
                f"'{field}' has none: write the words alone, in its order."
            )
        words = list(self.words)
        if components == 0 or COMPONENT not in words:
            words = [word for word in words if word != COMPONENT]
            words += [COMPONENT] * components
        if words.count(COMPONENT) != components or len(words) != len(array.shape):
            raise ValueError(
                f"`axes`: field '{field}' should have axes ({', '.join(words)}), "
                f"{components} of them of components, but its array has shape "
                f"{tuple(array.shape)}. Say of each axis what it is; a field with "
                "other axes than the rest has a text of its own, `axes={'field': ...}`."
            )
        return tuple(words)

    def _of_labelled(self, array: Any, components: int, field: str) -> tuple[str, ...]:
        ours = {n: w for w, n in zip(self.words, self.names, strict=True)}
        words = [ours.get(str(name), COMPONENT) for name in array.dims]
        missing = [
            name
            for word, name in zip(self.words, self.names, strict=True)
            if word in SPACE and name not in map(str, array.dims)
        ]
        if missing or words.count(COMPONENT) != components:
            raise ValueError(
                f"`axes`: field '{field}' has the axes {tuple(array.dims)}. Say of "
                "each what it is, such as 'time:t y:lat x:lon', but of those of a "
                f"tensor's components ({components} here), and choose one place of any "
                "other with `dataset.isel(...)`."
            )
        for word, name in zip(words, map(str, array.dims), strict=True):
            if word not in (TRAJECTORY, COMPONENT) and name in array.coords:
                self._check_even(word, name, np.asarray(array.coords[name]), field)
        return tuple(words)

    def _check_even(self, word: str, name: str, values: Any, field: str) -> None:
        if values.dtype.kind not in "fiumM" or len(values) < 2:
            return
        steps = np.diff(values).astype(np.float64)
        if word in self.falling:
            steps = -steps
        if steps.mean() < 0:
            here = word if word in self.falling else f"-{word}"
            change = "grows" if word in self.falling else "falls"
            mend = f"write '{here}:{name}', or " if word in SPACE else ""
            raise ValueError(
                f"`axes`: coordinate '{name}' of field '{field}' {change} along its "
                f"axis: {mend}sort it with `dataset.sortby('{name}')`."
            )
        if np.abs(steps - steps.mean()).max() > _UNEVEN * steps.mean():
            raise ValueError(
                f"`axes`: coordinate '{name}' of field '{field}' is not evenly spaced, "
                f"with steps from {steps.min():.3g} to {steps.max():.3g}: interpolate "
                "it (`dataset.interp`), or drop it (`dataset.drop_vars`) if the cells "
                "may be taken for even."
            )


def is_labelled(array: Any) -> bool:
    """Whether an array names its axes, as those of xarray do."""
    return hasattr(array, "isel") and hasattr(array, "dims")


def _no_space(match: re.Match[str]) -> bool:
    return match["word"] not in SPACE
