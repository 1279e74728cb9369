"""The verification suite: cases with known answers, their errors, orders and bounds."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import _verify_cases as cases

HEADER = f"{'case':<34} {'scheme':<15} {'cells':<14} {'error':<22} {'order':>6}  bound"


@dataclasses.dataclass(frozen=True)
class Result:
    """One row of the table: errors at some resolutions, and what they must satisfy.

    `bound` limits the last error from above, `order` the observed order from below;
    `None` where nothing is claimed.
    """

    case: str
    scheme: str
    cells: tuple[int, ...]
    errors: tuple[float, ...]
    bound: float | None = None
    order: float | None = None

    @property
    def observed_order(self) -> float | None:
        """From the two finest grids."""
        if len(self.errors) < 2 or min(self.errors[-2:]) <= 0:
            return None
        ratio = self.errors[-2] / self.errors[-1]
        return float(np.log(ratio) / np.log(self.cells[-1] / self.cells[-2]))

    @property
    def passed(self) -> bool:
        """Every claim holds."""
        small = self.bound is None or self.errors[-1] <= self.bound
        observed = self.observed_order
        steep = self.order is None or (observed is not None and observed >= self.order)
        return small and steep

    def __str__(self) -> str:
        cells = "/".join(map(str, self.cells))
        errors = " ".join(f"{e:.2e}" for e in self.errors)
        observed = self.observed_order
        order = "" if observed is None else f"{observed:.2f}"
        claims = []
        if self.bound is not None:
            claims.append(f"<= {self.bound:.0e}")
        if self.order is not None:
            claims.append(f"order >= {self.order:g}")
        mark = "pass" if self.passed else "FAIL"
        return (
            f"{self.case:<34} {self.scheme:<15} {cells:<14} {errors:<22} {order:>6}  "
            f"{', '.join(claims)}: {mark}"
        )


def _convergence(
    case: str,
    error: Callable[[str, int], float],
    schemes: Mapping[str, tuple[float | None, float | None]],
    cells: Sequence[int],
) -> Iterator[Result]:
    for scheme, (bound, order) in schemes.items():
        errors = tuple(error(scheme, n) for n in cells)
        yield Result(case, scheme, tuple(cells), errors, bound, order)


def _shock_tubes() -> Iterator[Result]:
    for scheme in ("muscl", "weno5z", "aweno5z"):
        errors = tuple(cases.sod(scheme, n) for n in (100, 200, 400))
        yield Result("Sod, L1(density)", scheme, (100, 200, 400), errors, 2e-3, 0.7)
    bounds = (8e-3, 2e-2, 0.2, 0.6, 0.2)
    for index, bound in enumerate(bounds):
        for scheme in ("muscl", "aweno5z"):
            errors = tuple(cases.toro(scheme, n, index) for n in (100, 200))
            name = f"Toro {index + 1}, L1(density)"
            yield Result(name, scheme, (100, 200), errors, bound)


def _vortex() -> Iterator[Result]:
    schemes = {"muscl": (5e-4, 1.9), "weno5z": (2e-4, 1.8), "aweno5z": (6e-6, 4.5)}
    return _convergence("isentropic vortex, L1", cases.vortex, schemes, (32, 64))


def _entropy_wave() -> Iterator[Result]:
    case, error = "entropy wave, L1", cases.entropy_wave
    # The limiter flattens extrema: the order is reached slowly.
    yield from _convergence(case, error, {"muscl": (2e-3, 1.8)}, (48, 96))
    yield from _convergence(case, error, {"aweno5z": (1e-6, 4.8)}, (24, 48))


def _linear_waves() -> Iterator[Result]:
    for name, direction in (("axis", (1, 0)), ("diagonal", (1, 1))):
        errors = tuple(cases.acoustic_wave("aweno5z", n, direction) for n in (32, 64))
        title = f"acoustic wave, {name}, frequency"
        yield Result(title, "aweno5z", (32, 64), errors, 1e-2, 1.8)
    for direction in ((1, 0), (1, 1), (1, 2)):
        for scheme in ("muscl", "aweno5z"):
            errors = (cases.shear_wave(scheme, 64, direction),)
            title = f"shear wave {direction}, decay rate"
            yield Result(title, scheme, (64,), errors, 5e-3)
    errors = tuple(cases.heat_wave("aweno5z", n) for n in (32, 64))
    yield Result("heat conduction, decay rate", "aweno5z", (32, 64), errors, 5e-3, 1.8)


def _viscous_shock() -> Iterator[Result]:
    schemes = {"muscl": (2e-2, 1.7), "aweno5z": (2e-2, 1.7)}
    name = "Becker shock M 2, L1(velocity)"
    return _convergence(name, cases.becker, schemes, (128, 256))


def _manufactured() -> Iterator[Result]:
    for model in ("dynamic", "kinematic"):
        errors = tuple(cases.manufactured(n, model) for n in (32, 64, 128))
        title = f"manufactured stress, {model}"
        yield Result(title, "aweno5z", (32, 64, 128), errors, None, 1.9)


def _taylor_green() -> Iterator[Result]:
    schemes = {"muscl": (2e-2, None), "aweno5z": (1e-2, None)}
    name = "Taylor-Green 2D, energy decay"
    return _convergence(name, cases.taylor_green, schemes, (64,))


def _positivity() -> Iterator[Result]:
    # MUSCL has no positivity limiter by default: generation then falls back on "safe".
    for scheme in ("safe", "weno5z", "aweno5z"):
        for name, run in cases.HARD.items():
            failed = float(run(scheme))
            yield Result(f"survives {name}", scheme, (64,), (failed,), 0.0)


def _conservation() -> Iterator[Result]:
    for dtype, bound in (("float32", 1e-6), ("float64", 1e-13)):
        for scheme in ("muscl", "aweno5z"):
            drift = cases.drift(scheme, dtype)
            name = f"drift in 1000 steps, {dtype}"
            yield Result(name, scheme, (24,), (drift,), bound)


def _symmetry() -> Iterator[Result]:
    for d, n in ((2, 32), (3, 8)):
        for scheme in ("muscl", "weno5z", "aweno5z"):
            ulps = cases.commutation(scheme, d, n)
            name = f"commutation {d}D, 100 steps, ulps"
            yield Result(name, scheme, (n,), (ulps,), 0.0)


CASES: dict[str, Callable[[], Iterator[Result]]] = {
    "shock-tubes": _shock_tubes,
    "vortex": _vortex,
    "entropy-wave": _entropy_wave,
    "linear-waves": _linear_waves,
    "viscous-shock": _viscous_shock,
    "manufactured": _manufactured,
    "taylor-green": _taylor_green,
    "positivity": _positivity,
    "conservation": _conservation,
    "symmetry": _symmetry,
}


def write_report(results: Sequence[Result], folder: Path) -> None:
    """The table as text and JSON, and a plot of error against resolution."""
    (folder / "table.txt").write_text("\n".join([HEADER, *map(str, results)]) + "\n")
    rows = [
        {
            **dataclasses.asdict(result),
            "observed_order": result.observed_order,
            "passed": result.passed,
        }
        for result in results
    ]
    (folder / "table.json").write_text(json.dumps(rows, indent=1))
    converging = [r for r in results if len(r.cells) > 1 and min(r.errors) > 0]
    if converging:
        _draw(converging, folder / "convergence.png")


def _draw(results: Sequence[Result], path: Path) -> None:
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(result.case for result in results))
    columns = 3
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(10, 2.6 * rows), squeeze=False, layout="constrained"
    )
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    for ax, name in zip(axes.flat, names, strict=False):
        chosen: list[Any] = [r for r in results if r.case == name]
        for result in chosen:
            label = f"{result.scheme} ({result.observed_order:.1f})"
            ax.loglog(result.cells, result.errors, "o-", label=label)
        ax.set_title(name, fontsize=9)
        ax.legend(fontsize=7, title="observed order", title_fontsize=7)
        ax.set_xticks(chosen[0].cells, [str(n) for n in chosen[0].cells])
        ax.minorticks_off()
    figure.supxlabel("cells along an axis")
    figure.supylabel("error")
    figure.savefig(path, dpi=110)
    plt.close(figure)
