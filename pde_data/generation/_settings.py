"""What a setting may be: each one's bounds, choices and words, declared where it is."""

import dataclasses
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

from .._suggestion import suggestion


@dataclasses.dataclass(frozen=True)
class Number:
    """A finite number within bounds.

    **Arguments:**

    - `least`, `most`: the bounds, themselves allowed.
    - `whole`: whether it is a whole number.
    - `drawn`: whether a pair `(low, high)`, 0 < low < high, may stand for it.
    - `listed`: whether it is one number or several, one for each axis or part.
    - `optional`: whether `None` may stand for it.
    """

    least: float | int
    most: float | int
    whole: bool = False
    drawn: bool = False
    listed: bool = False
    optional: bool = False

    @property
    def bounds(self) -> str:
        """The bounds in words."""
        return f"{_short(self.least)} to {_short(self.most)}"

    def checked(self, name: str, value: Any) -> Any:
        """The value as a plain number, or a tuple of them.

        **Raises:** `ValueError` naming the setting.
        """
        if value is None and self.optional:
            return None
        if self.listed or (self.drawn and isinstance(value, (tuple, list))):
            values = value if isinstance(value, (tuple, list)) else (value,)
            numbers = tuple(self._number(name, one, value) for one in values)
            if self.listed:
                return numbers
            if len(numbers) == 1:
                return numbers[0]
            if len(numbers) != 2 or not 0 < numbers[0] < numbers[1]:
                raise ValueError(
                    f"`{name}` must be a number or a range (low, high) with "
                    f"0 < low < high, got {value}."
                )
            return numbers
        return self._number(name, value, value)

    def _number(self, name: str, value: Any, given: Any) -> float | int:
        try:
            if isinstance(value, (bool, str)):
                raise TypeError
            number = operator.index(value) if self.whole else float(value)
        except OverflowError:
            number = math.inf
        except (TypeError, ValueError):
            kind = "a whole number" if self.whole else "a number"
            raise ValueError(f"`{name}` must be {kind}, got {given!r:.60}.") from None
        if not self.least <= number <= self.most:
            kind = "a whole number from" if self.whole else "from"
            raise ValueError(
                f"`{name}` must be {kind} {self.bounds}, got {given!r:.60}."
            )
        return number


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of some names; `names` is asked each time, as more can be registered."""

    names: Callable[[], Iterable[str]]
    optional: bool = False

    def checked(self, name: str, value: Any) -> Any:
        """The name.

        **Raises:** `ValueError` naming the setting, with the nearest name.
        """
        known = tuple(self.names())
        if value in known or (value is None and self.optional):
            return value
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, known))}; got "
            f"{value!r:.60}.{suggestion(value, known)}"
        )


def setting(default: Any, kind: Number | Choice, text: str, symbol: str = "") -> Any:
    """A field of a configuration.

    **Arguments:**

    - `default`: `None` for the family's own, of settings that a family has.
    - `kind`: what it may be.
    - `text`: what it is, in one line.
    - `symbol`: another name of it on the command line.
    """
    metadata = {"kind": kind, "text": text, "symbol": symbol}
    return dataclasses.field(default=default, metadata=metadata)


def _short(number: float | int) -> str:
    if number == 2**63 - 1:
        return "2**63 - 1"
    return str(number) if isinstance(number, int) else f"{number:g}"
