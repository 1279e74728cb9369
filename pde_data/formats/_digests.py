"""Digests: whether every bit of a file of ours is the one that was written.

`generation/digest` holds one number for each trajectory: the first 8 bytes of BLAKE2b
over its rows in all data sets that the attribute `covers` names. The attribute `rest`
is the digest of all that is no row: every name, type, shape and attribute, and the
values of the other data sets. Both are of what is stored, not of how: compressed or
not, they are the same.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ._own_records import GENERATION, STORED, listed
from ._stored import (
    attribute,
    attributes,
    children,
    damage_explained,
    dataset,
    is_dataset,
    numbers,
    stored,
    words,
)

DIGEST = f"{GENERATION}/digest"
_COVERS, _REST = "covers", "rest"
_BYTES = 8


def seal(file: Any, rows: Sequence[str]) -> None:
    """Write what is to be found again of a file that is whole but for its rows.

    **Arguments:**

    - `file`: an open `h5py.File` with a data set `DIGEST` of one number per row.
    - `rows`: the names of the data sets that trajectories are written into.
    """
    import h5py

    node = file[DIGEST]
    node.attrs.create(_COVERS, sorted(rows), dtype=h5py.string_dtype())
    node.attrs[_REST] = _digest_of_rest(file)


def covered(file: Any) -> tuple[str, ...]:
    """The names of the data sets whose rows have digests; none where there are none."""
    node = stored(file, DIGEST)
    return () if node is None else tuple(words(node, _COVERS))


def row_digest(rows: Mapping[str, np.ndarray]) -> np.uint64:
    """The digest of one trajectory from its rows, with their stored types, by name."""
    digest = hashlib.blake2b(digest_size=_BYTES)
    for name in sorted(rows):
        _add(digest, name, rows[name])
    return np.frombuffer(digest.digest(), "<u8")[0]


def refuse_altered(file: Any) -> None:
    """Read every row, and refuse a file that is not as it was written.

    **Raises:** `ValueError` that says what has changed, or that nothing can be said.
    """
    if stored(file, DIGEST) is None:
        raise ValueError(
            f"{file.filename} carries no digests, so `verify=True` can't verify it: it "
            "is of an older version or was made by others."
        )
    faults = list(digest_faults(file))
    if faults:
        raise ValueError(
            f"{file.filename} is not as it was written: {'; '.join(faults)}. Copy it "
            "again, or generate it anew."
        )


def digest_faults(file: Any) -> Iterator[str]:
    """What of a file with digests is not as it was written, each in words."""
    try:
        names = covered(file)
        digests = numbers(file, DIGEST)
        nodes = {name: dataset(file, name) for name in names}
        short = [name for name in nodes if nodes[name].shape[:1] != digests.shape]
        if short or not names or digests.ndim != 1:
            found = ", ".join(short) or DIGEST
            yield f"{found} has not one row for each of its digests"
            return
        # One number per row: all of them are one read.
        nodes |= {n: numbers(file, n) for n, x in nodes.items() if x.ndim == 1}
        changed, unreadable = [], ""
        for i, digest in enumerate(digests):
            try:
                with damage_explained(file, f"row {i}"):
                    rows = {name: np.asarray(nodes[name][i]) for name in nodes}
            except ValueError as error:
                rows, unreadable = {}, f" ({error})"
            if row_digest(rows) != digest:
                changed.append(i)
        if changed:
            yield f"trajectories {listed(changed)} have changed{unreadable}"
        if attribute(stored(file, DIGEST), _REST) != _digest_of_rest(file):
            yield "coordinates, times or attributes have changed"
    except ValueError as error:
        yield str(error)


def _digest_of_rest(file: Any) -> str:
    """The digest of all but rows: it changes with whatever else is read of a file."""
    rows = {*covered(file), DIGEST, STORED}
    digest = hashlib.blake2b(digest_size=_BYTES)
    waiting = [("", file)]
    while waiting:
        name, node = waiting.pop()
        for key, value in sorted(attributes(node).items()):
            if (name, key) != (DIGEST, _REST):
                _add(digest, f"{name}@{key}", value)
        below = children(node)
        waiting += [(f"{name}/{key}".strip("/"), below[key]) for key in below]
        if is_dataset(node):
            found = dataset(file, name)
            values = np.empty(0, found.dtype) if name in rows else numbers(file, name)
            _add(digest, f"{name} {node.shape}", values)
        else:
            digest.update(f"{name}/\n".encode())
    return digest.hexdigest()


def _add(digest: Any, name: str, value: Any) -> None:
    """Name, type, shape and value, so that no two contents read alike."""
    array = np.asarray(value)
    digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
    if array.dtype.kind in "biuf":
        digest.update(np.ascontiguousarray(array).data)
    else:
        digest.update(repr(array.tolist()).encode())
