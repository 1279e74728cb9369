"""All that stands in an open HDF5 file, by name, and what of it lies outside of it.

A file can name other files as the place of its numbers: by external links, by external
raw storage and by virtual data sets. Whoever opens a file from a stranger would read
whatever file its maker has named.
"""

import dataclasses
from collections.abc import Collection
from typing import Any

from ._stored import DAMAGE, as_text, damage_explained


@dataclasses.dataclass(frozen=True)
class Inventory:
    """What stands in a file.

    **Arguments:**

    - `datasets`: the names of all data sets, without the leading slash, each once.
    - `outside`: what lies outside the file, in words.
    - `damaged`: the names that lead nowhere.
    """

    datasets: tuple[str, ...]
    outside: tuple[str, ...]
    damaged: tuple[str, ...]


def inventory(file: Any) -> Inventory:
    """Look at every link of an open `h5py.File`, and follow none out of it."""
    import h5py

    # Its types do not tell of the module that knows addresses.
    low_level: Any = h5py
    datasets: list[str] = []
    outside: list[str] = []
    damaged: list[str] = []
    seen: set[Any] = set()
    waiting = [("", file)]
    while waiting:
        path, group = waiting.pop()
        with damage_explained(file, path or "/"):
            names = {as_text(name): name for name in group}
        for text, name in sorted(names.items()):
            where = f"{path}{text}"
            try:
                link = group.get(name, getlink=True)
            except DAMAGE:
                outside.append(f"{where} (a link of an unknown kind)")
                continue
            if isinstance(link, h5py.ExternalLink):
                outside.append(f"{where} (a link into {link.filename})")
            elif isinstance(link, h5py.HardLink):
                try:
                    node = group[name]
                    # Groups can contain each other.
                    address = low_level.h5o.get_info(node.id).addr
                    known = address in seen
                    seen.add(address)
                    elsewhere = _elsewhere(node)
                except DAMAGE:
                    damaged.append(where)
                    continue
                if elsewhere:
                    outside.append(f"{where} ({elsewhere})")
                if isinstance(node, h5py.Group):
                    if not known:
                        waiting.append((f"{where}/", node))
                elif isinstance(node, h5py.Dataset):
                    datasets.append(where)
    return Inventory(tuple(sorted(datasets)), tuple(outside), tuple(damaged))


def refuse_outside(file: Any) -> None:
    """Refuse a file whose numbers lie elsewhere.

    **Raises:** `ValueError` naming each part and where it is said to lie.
    """
    outside = inventory(file).outside
    if outside:
        raise ValueError(
            f"{file.filename} takes {', '.join(outside[:4])} from outside of itself, "
            "which would read any file that its maker has named. If you trust it: "
            "pde_data.load(path, allow_external=True)."
        )


def unread(file: Any, read: Collection[str]) -> tuple[str, ...]:
    """The names of all data sets but those that have been read."""
    return tuple(name for name in inventory(file).datasets if name not in read)


def _elsewhere(node: Any) -> str:
    import h5py

    if not isinstance(node, h5py.Dataset):
        return ""
    if node.is_virtual:
        sources = sorted({source.file_name for source in node.virtual_sources()})
        return f"a virtual data set of {', '.join(sources)}"
    if node.external:
        return f"raw storage in {node.external[0][0]}"
    return ""
