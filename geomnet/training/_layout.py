"""How models and batches lie on the devices of a mesh, in one process or in several."""

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import equinox as eqx
import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from .._arguments import shown
from .._image import GeometricImage
from .._windows import Windows
from ._leaves import is_key, leaf_bytes, restored, stored_leaves, with_leaves

T = TypeVar("T")

SAMPLES = "batch"
GRID = ("x", "y", "z")
"""The names of a mesh's axes, and what of a batch is shared out along each."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """Samples and grids shared out over a mesh, all else whole on each device.

    Without a mesh everything stays where it is.
    """

    mesh: Mesh | None
    """Its axes are automatic, whatever those given are: XLA knows for every operation
    what to exchange, where JAX has no rules for convolutions of shared grids.
    """

    @staticmethod
    def of(mesh: Any) -> "Layout":
        """**Raises:** `TypeError` for what is no mesh; `ValueError` for axes of other
        names, and for a mesh that leaves out processes.
        """
        if mesh is None:
            return Layout(None)
        if not isinstance(mesh, Mesh):
            raise TypeError(
                "`mesh` must be a `jax.sharding.Mesh`, such as "
                f"`jax.make_mesh(({jax.device_count()},), ('{SAMPLES}',))`, got "
                f"{shown(mesh)}."
            )
        names = (SAMPLES, *GRID)
        others = [name for name in mesh.axis_names if name not in names]
        if others or not mesh.axis_names:
            raise ValueError(
                f"`mesh` has the axes {mesh.axis_names}, where {others} say not what "
                f"lies along them: name that of the samples '{SAMPLES}', and those of "
                "the grid 'x', 'y' and 'z', as in "
                f"`jax.make_mesh({mesh.devices.shape}, {names[: mesh.devices.ndim]})`."
            )
        there = {device.process_index for device in mesh.devices.flat}
        missing = sorted(set(range(jax.process_count())) - there)
        if missing:
            raise ValueError(
                f"`mesh` has no device of the processes {missing} of "
                f"{jax.process_count()}: make it of all `jax.devices()`, as "
                "`jax.make_mesh` does, or start fewer processes."
            )
        types = (AxisType.Auto,) * len(mesh.axis_names)
        return Layout(Mesh(mesh.devices, mesh.axis_names, axis_types=types))

    @property
    def has_several_processes(self) -> bool:
        """Whether other processes hold parts of what is laid out."""
        return self.mesh is not None and jax.process_count() > 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes, prints and tells callbacks."""
        return not self.has_several_processes or jax.process_index() == 0

    def check_batch(self, argument: str, size: int) -> None:
        """**Raises:** `ValueError` unless the devices get equally many samples."""
        parts = self._parts(SAMPLES)
        if size % parts:
            below, above = size // parts * parts, -(-size // parts) * parts
            mend = f"{below} or {above}" if below else f"{above}"
            raise ValueError(
                f"`{argument}` is {size}, but `mesh` shares the samples out over "
                f"{parts} devices along '{SAMPLES}': take {mend}."
            )

    def filled(self, size: int) -> int:
        """The next size of a batch that can be shared out."""
        parts = self._parts(SAMPLES)
        return -(-size // parts) * parts

    def rows(self, size: int, process: int | None = None) -> np.ndarray:
        """Which samples of a batch a process feeds; by default this one.

        Those of processes with the same samples are equal, all others have none in
        common; together they are the batch.
        """
        if self.mesh is None:
            return np.arange(size)
        process = jax.process_index() if process is None else process
        places = self._sharding((SAMPLES,)).devices_indices_map((size,))
        own = [at[0] for dev, at in places.items() if dev.process_index == process]
        return np.unique(np.concatenate([np.arange(size)[part] for part in own]))

    def batch(self, windows: Any, numbers: np.ndarray) -> Any:
        """The batch of these numbers, of which each process takes what it feeds.

        **Raises:** `ValueError` if a grid can't be shared out.
        """
        take = windows.take_to_device if is_ours(windows) else windows.take
        if self.mesh is None:
            return take(numbers)
        rows = self.rows(len(numbers))
        with _on_host(windows, self.mesh):
            own = take(numbers[rows])
        return self.placed(own, len(numbers), rows)

    def placed(self, batch: T, size: int, rows: np.ndarray | None = None) -> T:
        """A batch on the devices, of which this process has some rows, by default all.

        **Raises:** `ValueError` if a grid can't be shared out.
        """
        if self.mesh is None:
            return batch
        rows = np.arange(size) if rows is None else rows

        def place(leaf: Any) -> Any:
            if isinstance(leaf, GeometricImage):
                d = leaf.num_spatial_dims
                axes = (None,) * (leaf.array.ndim - d - 2)
                axes = (SAMPLES, *axes, *GRID[:d], None)
                self._check_grid(leaf.array.shape[-1 - d : -1])
                return leaf.with_array(self._put(leaf.array, axes, size, rows))
            if not eqx.is_array(leaf) or np.ndim(leaf) == 0:
                return leaf
            return self._put(leaf, (SAMPLES,), size, rows)

        is_image = lambda x: isinstance(x, GeometricImage)  # noqa: E731
        return jax.tree.map(place, batch, is_leaf=is_image)

    def whole(self, tree: T) -> T:
        """The same with every array on each device."""
        if self.mesh is None:
            return tree
        sharding = self._sharding(())

        def place(leaf: Any) -> Any:
            if not eqx.is_array(leaf) or getattr(leaf, "sharding", None) == sharding:
                return leaf
            if not self.has_several_processes:
                return jax.device_put(leaf, sharding)
            if is_key(leaf):
                words = place(np.asarray(jax.random.key_data(leaf)))
                return jax.random.wrap_key_data(words, impl=jax.random.key_impl(leaf))
            values = np.asarray(leaf)
            return jax.make_array_from_callback(
                values.shape, sharding, lambda index: values[index]
            )

        return jax.tree.map(place, tree)

    def kept_whole(self, tree: T) -> T:
        """What `whole` has placed, inside of a compiled function."""
        if self.mesh is None:
            return tree
        arrays, rest = eqx.partition(tree, eqx.is_array)
        held = jax.lax.with_sharding_constraint(arrays, self._sharding(()))
        return eqx.combine(held, rest)

    def back(self, tree: T, like: T) -> T:
        """A tree that `whole` has placed, where another one of its kind lies."""
        if self.mesh is None:
            return tree
        pairs = zip(stored_leaves(like), stored_leaves(tree), strict=True)
        return with_leaves(like, [restored(old, leaf_bytes(new)) for old, new in pairs])

    def context(self) -> contextlib.AbstractContextManager[Any]:
        """Within it no other mesh is set, such as the one given, with its axes."""
        return (
            contextlib.nullcontext() if self.mesh is None else jax.set_mesh(self.mesh)
        )

    def on_each_device(self) -> NamedSharding | None:
        """Where data lie of which each device of this process has all."""
        if self.mesh is None:
            return None
        own = [d for d in self.mesh.devices.flat if d in self.mesh.local_devices]
        types = (AxisType.Auto,)
        mesh = Mesh(np.array(own), ("devices",), axis_types=types)
        return NamedSharding(mesh, PartitionSpec())

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process; all must ask."""
        if not self.has_several_processes:
            return flag
        return bool(np.any(multihost_utils.process_allgather(np.array(flag))))

    def wait(self) -> None:
        """Until all processes have come here."""
        self.any(False)

    def _parts(self, axis: str) -> int:
        return 1 if self.mesh is None else dict(self.mesh.shape).get(axis, 1)

    def _check_grid(self, grid: Sequence[int]) -> None:
        assert self.mesh is not None
        for name in GRID[len(grid) :]:
            if self._parts(name) > 1:
                raise ValueError(
                    f"`mesh` has the axis '{name}', but the grid {tuple(grid)} has "
                    f"none: give the axes {(SAMPLES, *GRID[: len(grid)])} or some."
                )
        for name, side in zip(GRID, grid, strict=False):
            parts = self._parts(name)
            if side % parts:
                fits = [n for n in range(1, parts + 1) if side % n == 0]
                raise ValueError(
                    f"`mesh` shares the axis '{name}' out over {parts} devices, which "
                    f"do not divide the {side} cells of the grid {tuple(grid)}: give "
                    f"it {fits[-1]} devices, or sides that are multiples of {parts}."
                )

    def _sharding(self, axes: Sequence[str | None]) -> NamedSharding:
        assert self.mesh is not None
        names = self.mesh.axis_names
        spec = PartitionSpec(*(axis if axis in names else None for axis in axes))
        return NamedSharding(self.mesh, spec)

    def _put(
        self, array: Any, axes: Sequence[str | None], size: int, rows: np.ndarray
    ) -> jax.Array:
        sharding = self._sharding(axes)
        if not self.has_several_processes:
            return jax.device_put(array, sharding)
        on_host = isinstance(array, np.ndarray) or _is_on_cpu(array)
        own = np.asarray(array) if on_host else array

        def part(index: Any) -> Any:
            # Counted in the batch, where this process has some rows of it.
            first, *rest = index
            start = int(np.searchsorted(rows, first.indices(size)[0]))
            count = len(range(size)[first])
            return own[(slice(start, start + count), *rest)]

        return jax.make_array_from_callback((size, *array.shape[1:]), sharding, part)


ONE_DEVICE = Layout(None)


def is_ours(windows: Any) -> bool:
    """Whether how they make batches is known: a derived `take` may be another."""
    return type(windows) is Windows


def _is_on_cpu(array: jax.Array) -> bool:
    return all(device.platform == "cpu" for device in array.devices())


def _on_host(windows: Any, mesh: Mesh) -> contextlib.AbstractContextManager[Any]:
    """Batches of ours that come from the host go to their devices and no other."""
    from_host = is_ours(windows) and not windows.is_on_device
    if not from_host or mesh.devices.flat[0].platform == "cpu":
        return contextlib.nullcontext()
    try:
        return jax.default_device(jax.local_devices(backend="cpu")[0])
    except RuntimeError:  # JAX has been told to know no CPU.
        return contextlib.nullcontext()
