"""Which tiles the fused convolution is quickest with, and whether it is quicker at all.

    python benchmarks/fused_convolution.py [--minutes 4] [--out fused.json]
    python benchmarks/fused_convolution.py --tiny     # interpreted, for a try on a CPU

For each size and dtype the tiles of the convolution are tried, then those of the
gradient of the weights; the best of both then stand against the dense form and one
plain channels-last `lax.conv`, forward and with both gradients. Tiles that do not
compile leave their error as a row. Rows are printed as they come, and the file is whole
after each of them. What is quicker than the dense form in both is an entry for
`MEASURED` in `geomnet/nn/_execution/_fused.py`, which makes the library choose it.
"""

import concurrent.futures
import dataclasses
import functools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from _gpu_command import asked, parser_of, record_all
from _gpu_rows import Case, Figures
from _measure import Program, compared, compiled

import geomnet as gn
from geomnet.filters._kernel_space import KernelSpace
from geomnet.nn import Boundary, as_faces
from geomnet.nn._execution import Form, extend
from geomnet.nn._execution._convolution import EXECUTIONS
from geomnet.nn._execution._dense import correlate
from geomnet.nn._execution._fused import convolve_fused
from geomnet.nn._execution._fused_plan import Tiling, Tilings
from geomnet.nn._placement import SlidingWindow

Rows = Iterator[tuple[str, Figures]]
Function = Callable[..., Any]
Contestant = tuple[Function, Any]
Programs = dict[str, concurrent.futures.Future[Program]]
GROUP = gn.hyperoctahedral(2)

# Cells, channels in, channels out, warps, stages.
FIELD = [
    Tiling((8, 16), 16, 64, 8, 2),
    Tiling((8, 16), 16, 64, 8, 1),
    Tiling((8, 8), 16, 64, 4, 2),
    Tiling((8, 8), 32, 64, 8, 1),
]
WEIGHTS = [
    (Tiling((4, 8), 64, 32, 8, 1), 132),
    (Tiling((4, 8), 64, 32, 8, 1), 264),
    (Tiling((4, 4), 64, 32, 8, 2), 264),
]


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What is measured, the most important first."""

    shapes: tuple[tuple[int, int], ...] = ((64, 64), (128, 32), (16, 128))
    """Channels of scalars, and as many of vectors; cells along a side."""
    dtypes: tuple[str, ...] = ("float32", "bfloat16")
    batch: int = 16
    field: Sequence[Tiling] = tuple(FIELD)
    weights: Sequence[tuple[Tiling, int]] = tuple(WEIGHTS)
    """With the number of programs."""
    repeats: int = 7
    fill: float = 0.02
    """Seconds that a program is called behind itself for."""


SMALL = Tiling((4, 4), 16, 16, 1, 1)
TINY = Sizes(((2, 6),), ("bfloat16",), 2, (SMALL,), ((SMALL, 9),), 5, 0.0)


def main() -> None:
    args = asked(parser_of(__doc__, "fused.json", 4.0, "interpreted, on a CPU"))
    sizes = TINY if args.tiny else Sizes()
    record_all(cases(sizes), args, {"batch": sizes.batch})


def cases(sizes: Sizes) -> Iterator[Case]:
    """One for each size and dtype."""
    for channels, cells in sizes.shapes:
        for dtype in sizes.dtypes:
            yield Case(
                "fused",
                f"{channels} + {channels}, {cells}², {dtype}",
                20,
                functools.partial(swept, sizes, channels, cells, dtype),
            )


def swept(sizes: Sizes, channels: int, cells: int, dtype: str) -> Rows:
    """All tiles of one size, then the best of them against the other forms."""
    fields = gn.Representation(GROUP, f"{channels}x0+ {channels}x1+")
    space = KernelSpace(fields, fields, (3, 3))
    by, arrays = forms(space, (cells, cells)), numbers(sizes, space, cells, dtype)
    plain, dense = (by[None], arrays.free), (by[Form.DENSE], arrays.weights)

    def fused(tilings: Tilings) -> Contestant:
        return functools.partial(by[Form.FUSED], tilings=tilings), arrays.weights

    def begun(what: Function, contestants: Mapping[str, Contestant]) -> Programs:
        return {
            name: pool.submit(
                compiled, functools.partial(what, f), arrays.x, w, arrays.cotangent
            )
            for name, (f, w) in contestants.items()
        }

    def taken(programs: Programs) -> Iterator[tuple[str, dict[str, Any]]]:
        made = {name: program.result for name, program in programs.items()}
        yield from compared(made, "dense", sizes.repeats, sizes.fill)

    def quickest(what: Function, tried: dict[str, Tilings]) -> Any:
        contestants = {name: fused(tilings) for name, tilings in tried.items()}
        seconds = {}
        for name, figures in taken(begun(what, {"dense": dense, **contestants})):
            yield f"tiles, {what.__name__}, {name}", figures
            seconds[name] = figures.get("seconds", math.inf)
        return tried[min(tried, key=lambda name: seconds[name])]

    # Compilers of several programs work side by side; what is measured runs alone.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        tried = {in_short(tiling): Tilings(field=tiling) for tiling in sizes.field}
        field = (yield from quickest(forward, tried)).field
        tried = {
            f"{in_short(tiling)}, {programs} programs": Tilings(field, tiling, programs)
            for tiling, programs in sizes.weights
        }
        best = yield from quickest(of_weights, tried)
        last = {"plain": plain, "dense": dense, "fused": fused(best)}
        for what in (forward, with_gradients):
            programs = begun(what, last)
            for who, figures in taken(programs):
                yield f"{what.__name__}, {who}", figures
        found, wanted = (programs[who].result().run() for who in ("fused", "dense"))
        yield "deviation", deviation(found, wanted)
        yield "best", {"tilings": repr(best)}


class Arrays(NamedTuple):
    """What the forms are given."""

    x: Any
    cotangent: Any
    weights: Any
    free: Any
    """Of the plain convolution."""


def numbers(sizes: Sizes, space: KernelSpace, cells: int, dtype: str) -> Arrays:
    """Of unit variance, but for weights that keep it."""
    features, keys = space.source.num_features, jax.random.split(jax.random.key(0), 4)
    shape = sizes.batch, cells, cells, features
    deviations = jnp.asarray(space.deviations, dtype)
    weights = jax.random.normal(keys[2], deviations.shape, dtype) * deviations
    free = jax.random.normal(keys[3], (3, 3, features, features), dtype)
    x, cotangent = (jax.random.normal(key, shape, dtype) for key in keys[:2])
    return Arrays(x, cotangent, weights, free / (9 * features) ** 0.5)


def forms(space: KernelSpace, grid: tuple[int, int]) -> dict[Form | None, Function]:
    """The forms, and `None` for a plain convolution, of a batch."""
    faces = as_faces(Boundary.PERIODIC, 2)
    placed = SlidingWindow(space.window, 1, 1, GROUP).on(grid, "benchmark")

    def plain(x: Any, kernel: Any) -> Any:
        return correlate(extend(x, space.source, faces, placed.padding), kernel)

    def of_batch(form: Callable[..., Any] | None) -> Callable[..., Any]:
        def run(x: Any, weights: Any, **options: Any) -> Any:
            def one(x: Any, weights: Any) -> Any:
                if form is None:
                    return plain(x, weights)
                return form(x, weights, space, placed, faces, **options)

            return jax.vmap(one, in_axes=(0, None))(x, weights)

        return run

    assert EXECUTIONS[Form.FUSED] is convolve_fused
    return {None: of_batch(None)} | {
        form: of_batch(EXECUTIONS[form]) for form in (Form.DENSE, Form.FUSED)
    }


def forward(f: Function, x: Any, weights: Any, cotangent: Any) -> Any:
    """Of a batch."""
    return f(x, weights)


def of_weights(f: Function, x: Any, weights: Any, cotangent: Any) -> Any:
    """The gradient with respect to the weights alone."""
    return jax.vjp(functools.partial(f, x), weights)[1](cotangent)


def with_gradients(f: Function, x: Any, weights: Any, cotangent: Any) -> Any:
    """The forward pass, and both gradients."""
    y, back = jax.vjp(f, x, weights)
    return y, *back(cotangent)


def deviation(found: Sequence[Any], wanted: Sequence[Any]) -> Figures:
    """How far two forms are from each other, over the largest number."""
    names = ("result", "gradient_of_field", "gradient_of_weights")
    pairs = zip(found, wanted, strict=True)
    errors = [float(jnp.abs(a - b).max() / jnp.abs(b).max()) for a, b in pairs]
    return dict(zip(names, errors, strict=True))


def in_short(tiling: Tiling) -> str:
    """Cells, channels in and out, warps, stages."""
    rows, columns = tiling.cells
    return (
        f"{rows}x{columns} {tiling.source_channels}->{tiling.target_channels} "
        f"w{tiling.warps} s{tiling.stages}"
    )


if __name__ == "__main__":
    main()
