"""What a field is made of: tensor types and signatures, and their notation.

`"1-"` is a pseudovector, `"density:0+ velocity:1+"` a signature. Nothing here knows of
arrays or of the number of dimensions until it is asked for sizes.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from ._arguments import check_kind

MAX_ORDER = 4

Symmetry: TypeAlias = Literal["", "s", "a"]

_TYPE = re.compile(r"(?P<order>\d+)(?P<symmetry>[sa]?)(?P<parity>[+-])")
_ENTRY = re.compile(
    r"(?:(?P<name>[A-Za-z_]\w*):)?(?:(?P<channels>\d+)x)?(?P<type>\d+[sa]?[+-])"
)


@dataclasses.dataclass(frozen=True, order=True)
class TensorType:
    """A tensor of `order` k and `parity` ±1: `g·T = det(g)^[parity -1] g⊗…⊗g T`.

    Written `"0+"` scalar, `"0-"` pseudoscalar, `"1+"` vector, `"1-"` pseudovector,
    `"2+"` tensor of order 2, `"2s+"` symmetric, `"2a+"` antisymmetric in its indices
    (`symmetry`). A symmetric tensor is stored in full, `(d, d)`, as every other.

    **Raises:** `ValueError` for an order above 4, a parity or a symmetry that there is
    not; `TypeError` for another kind.
    """

    order: int
    parity: Literal[1, -1]
    symmetry: Symmetry = ""

    def __post_init__(self):
        check_kind("order", self.order, int)
        check_kind("parity", self.parity, int)
        check_kind("symmetry", self.symmetry, str)
        if self.order not in range(MAX_ORDER + 1):
            raise ValueError(
                f"`order` must be from 0 to {MAX_ORDER}, got {self.order!r}."
            )
        if self.parity not in (1, -1):
            raise ValueError(f"`parity` must be +1 or -1, got {self.parity!r}.")
        if self.symmetry not in ("", "s", "a"):
            raise ValueError(
                "`symmetry` must be '' (none), 's' (symmetric) or 'a' (antisymmetric), "
                f"got {self.symmetry!r}."
            )
        if self.symmetry and self.order < 2:
            raise ValueError(
                f"A tensor of order {self.order} has no indices to exchange: write "
                f"'{self.order}{'+' if self.parity == 1 else '-'}'."
            )

    @staticmethod
    def parse(text: "str | TensorType") -> "TensorType":
        """The type written `text`, such as `"1+"` or `"2s-"`.

        **Raises:** `ValueError` if the notation is not understood; `TypeError` if it is
        no text.
        """
        if isinstance(text, TensorType):
            return text
        if not isinstance(text, str):
            raise TypeError(
                f"A tensor type is a text such as '0+' or '1-', got {text!r}. For "
                "several types call once for each."
            )
        match = _TYPE.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                f"{text!r} is not a tensor type. Write the order, then + or -: '0+' "
                "scalar, '0-' pseudoscalar, '1+' vector, '1-' pseudovector, '2s+' "
                "symmetric tensor of order 2."
            )
        parity = 1 if match["parity"] == "+" else -1
        symmetry = match["symmetry"]
        assert symmetry in ("", "s", "a")
        return TensorType(int(match["order"]), parity, symmetry)

    def tensor_shape(self, num_spatial_dims: int) -> tuple[int, ...]:
        """`(d,) * order`, with d = `num_spatial_dims`."""
        return (num_spatial_dims,) * self.order

    def components(self, num_spatial_dims: int) -> int:
        """`d**order`, the numbers stored per channel, with d = `num_spatial_dims`."""
        return num_spatial_dims**self.order

    def __str__(self) -> str:
        return f"{self.order}{self.symmetry}{'+' if self.parity == 1 else '-'}"


SCALAR = TensorType(0, 1)


@dataclasses.dataclass(frozen=True)
class Entry:
    """`channels` copies of one tensor `type`, with a `name` or `""`.

    **Raises:** `ValueError` without a channel; `TypeError` for another kind.
    """

    name: str
    channels: int
    type: TensorType

    def __post_init__(self):
        check_kind("name", self.name, str)
        check_kind("channels", self.channels, int)
        check_kind("type", self.type, TensorType)
        if self.channels < 1:
            raise ValueError(
                f"Entry '{self}' has {self.channels} channels: leave it out or give "
                "it at least 1."
            )

    def features(self, num_spatial_dims: int) -> int:
        """`channels * d**order`, with d = `num_spatial_dims`."""
        return self.channels * self.type.components(num_spatial_dims)

    def __str__(self) -> str:
        name = f"{self.name}:" if self.name else ""
        channels = f"{self.channels}x" if self.channels != 1 else ""
        return f"{name}{channels}{self.type}"


class Signature:
    """An ordered list of entries: which tensors, how many channels, what names.

    `entries` are written `Signature("density:0+ velocity:1+")` or `Signature("16x0+
    16x1+")`, or given as a sequence of `Entry`; printing gives the notation back. `4 *
    signature` multiplies every entry's channels and keeps the names, `a + b` joins.

    **Layout:** the last axis of an image holds the entries in this order; within an
    entry `(channels, *tensor)` in row-major order.
    """

    __slots__ = ("_entries",)
    _entries: tuple[Entry, ...]

    def __init__(self, entries: "str | Signature | Iterable[Entry]"):
        """**Raises:** `ValueError` if the notation is not understood, if it is empty or
        if a name occurs twice; `TypeError` if it is no text, signature or entries.
        """
        if isinstance(entries, Signature):
            parsed = entries._entries
        elif isinstance(entries, str):
            parsed = tuple(_parse_entry(word) for word in entries.split())
        else:
            parsed = tuple(entries) if isinstance(entries, Iterable) else (entries,)
            if not all(isinstance(entry, Entry) for entry in parsed):
                raise TypeError(
                    f"`entries` must be a text such as 'density:0+ velocity:1+', a "
                    f"Signature or Entries, got {entries!r}."
                )
        if not parsed:
            raise ValueError("A signature needs at least one entry, such as '1x0+'.")
        names = [entry.name for entry in parsed if entry.name]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"Name {twice[0]!r} occurs twice in '{' '.join(map(str, parsed))}'. "
                "Give each entry its own name; channels of one field go into one "
                "entry: `2 * Signature('u:1+')` is 'u:2x1+'."
            )
        self._entries = parsed

    def features(self, num_spatial_dims: int) -> int:
        """The length of the last axis of an image in `num_spatial_dims` dimensions."""
        return sum(entry.features(num_spatial_dims) for entry in self._entries)

    def slices(self, num_spatial_dims: int) -> tuple[slice, ...]:
        """Where each entry lies on the last axis, in `num_spatial_dims` dimensions."""
        starts, position = [], 0
        for entry in self._entries:
            starts.append(position)
            position += entry.features(num_spatial_dims)
        return tuple(
            slice(a, b) for a, b in zip(starts, [*starts[1:], position], strict=True)
        )

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries in order."""
        return self._entries

    @property
    def types(self) -> tuple[TensorType, ...]:
        """The distinct types, in order of first appearance."""
        return tuple(dict.fromkeys(entry.type for entry in self._entries))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the entries that have one."""
        return tuple(entry.name for entry in self._entries if entry.name)

    def channels(self, tensor_type: "str | TensorType") -> int:
        """How many channels of type `tensor_type` there are, over all entries."""
        wanted = TensorType.parse(tensor_type)
        return sum(e.channels for e in self._entries if e.type == wanted)

    def agrees_with(self, other: "Signature") -> bool:
        """Whether `other` has this layout, and the same names where both have one."""
        return len(self) == len(other) and all(
            a.channels == b.channels
            and a.type == b.type
            and (a.name == b.name or not (a.name and b.name))
            for a, b in zip(self._entries, other._entries, strict=True)
        )

    def __mul__(self, factor: int) -> "Signature":
        if not isinstance(factor, int):
            return NotImplemented
        if factor < 1:
            raise ValueError(f"A signature is multiplied by 1 or more, got {factor}.")
        return Signature(
            dataclasses.replace(entry, channels=factor * entry.channels)
            for entry in self._entries
        )

    __rmul__ = __mul__

    def __floordiv__(self, divisor: int) -> "Signature":
        """Divides every entry's channels; `ValueError` where that leaves a rest."""
        if not isinstance(divisor, int):
            return NotImplemented
        left = [str(entry) for entry in self._entries if entry.channels % divisor]
        if left:
            raise ValueError(
                f"The channels of {', '.join(left)} can't be divided by {divisor}: "
                "give every entry a multiple of it."
            )
        return Signature(
            dataclasses.replace(entry, channels=entry.channels // divisor)
            for entry in self._entries
        )

    def __add__(self, other: "str | Signature") -> "Signature":
        if not isinstance(other, (str, Signature)):
            return NotImplemented
        return Signature(self._entries + Signature(other)._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Signature) and self._entries == other._entries

    def __hash__(self) -> int:
        return hash(self._entries)

    def __str__(self) -> str:
        return " ".join(map(str, self._entries))

    def __repr__(self) -> str:
        return f"Signature('{self}')"


def check_signature(
    given: Signature, expected: Signature, argument: str, where: str
) -> None:
    """**Raises:** `ValueError` unless `given` has the layout of `expected`."""
    if not given.agrees_with(expected):
        raise ValueError(
            f"{where}: `{argument}` must have signature '{expected}', got '{given}'. "
            "Reorder or rename the fields (`GeometricImage.from_fields`), or build "
            f"the layer for '{given}'."
        )


def _parse_entry(word: str) -> Entry:
    match = _ENTRY.fullmatch(word)
    if match is None:
        raise ValueError(
            f"{word!r} is not a signature entry. Write [name:][channels x]type, such "
            "as 'velocity:1+', '16x0+' or 'stress:2s+'; entries are parted by blanks."
        )
    channels = int(match["channels"]) if match["channels"] else 1
    return Entry(match["name"] or "", channels, TensorType.parse(match["type"]))
