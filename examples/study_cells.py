"""What the study compares: arms, flows, and in which order their cells are run."""

import dataclasses
import math
from typing import Literal

FLOWS = {"Mach 0.1": (0.1, 0.01), "Mach 1": (1.0, 0.1)}
"""Mach number and both viscosities, as published (Gregory et al. 2024)."""


@dataclasses.dataclass(frozen=True)
class Arm:
    """A way to build and train a model."""

    network: Literal["propagator", "unet", "resunet", "dilated", "persistence"] = (
        "propagator"
    )
    match: Literal["components", "one component"] | None = None
    """Its twin without symmetry, as wide or of one component inside, which still has
    more parameters and arithmetic than an equivariant propagator; `None`: itself.
    """
    augmented: bool = False
    """Train on moved batches."""
    averaged: bool = False
    """Measure its average over the group, too."""
    units: bool = True
    """See each flow in units of its own, or all in the same ones."""
    residual: bool = True
    """Predict the change, or the frame."""
    norm: Literal["none", "restored", "layer"] = "none"
    unrolled: bool = True
    """Train on four steps in the end, or on one alone."""
    random_shifts: bool = False
    average: float | None = None
    """Decay of the average of the weights."""
    pseudoscalars: bool = True
    num_waves: int = 16
    """That travel, in a propagator's convolutions."""
    factor_limit: float = 3.0
    """Of a propagator's products."""
    rate: float = 1.0
    """Learning rate, relative to that of a propagator."""
    share_of_steps: float = 1.0
    """Training steps, relative to those of a propagator: about equal in time."""

    def hidden(self, width: float) -> str:
        """The fields inside, of so many times the channels."""
        channels = {"0+": 6, "1+": 6} | ({"0-": 2} if self.pseudoscalars else {})
        return " ".join(
            f"{max(1, round(width * n))}x{kind}" for kind, n in channels.items()
        )


@dataclasses.dataclass(frozen=True)
class Cell:
    """One model to train."""

    flow: str
    arm: str
    trajectories: int
    seed: int
    width: float = 1.0
    """Channels, relative to the arm's."""
    length: float = 1.0
    """Training steps, relative to the arm's."""

    def __str__(self) -> str:
        text = f"{self.flow}, {self.arm}, {self.trajectories} trajectories"
        for name in ("width", "length"):
            factor = getattr(self, name)
            text += f", {name} x{factor:g}" if factor != 1 else ""
        return f"{text}, seed {self.seed}"


_UNET = {"network": "unet", "rate": 0.4, "share_of_steps": 0.25}
_RESUNET = _UNET | {"network": "resunet"}
_DILATED = _UNET | {"network": "dilated"}

ARMS: dict[str, Arm] = {
    "equivariant": Arm(),
    "twin": Arm(match="components", averaged=True),
    "twin, augmented": Arm(match="components", augmented=True),
    "twin of one component": Arm(match="one component"),
    "persistence": Arm("persistence"),
    "UNet": Arm(**_UNET),  # pyright: ignore
    "UNet twin": Arm(**_UNET, match="components"),  # pyright: ignore
    "ResUNet": Arm(**_RESUNET),  # pyright: ignore
    "ResUNet twin": Arm(**_RESUNET, match="components"),  # pyright: ignore
    "DilatedResNet": Arm(**_DILATED),  # pyright: ignore
    "DilatedResNet twin": Arm(**_DILATED, match="components"),  # pyright: ignore
    "norm: restored": Arm(norm="restored"),
    "without own units": Arm(units=False),
    "one step": Arm(unrolled=False),
    "not residual": Arm(residual=False),
    "without pseudoscalars": Arm(pseudoscalars=False),
    "average of weights": Arm(average=0.99),
    "without travelling waves": Arm(num_waves=0),
    "without a limit": Arm(factor_limit=math.inf),
    "UNet, shifted": Arm(**_UNET, random_shifts=True),  # pyright: ignore
    "UNet, norm: restored": Arm(**_UNET | {"norm": "restored"}),  # pyright: ignore
}
MAIN = ("equivariant", "twin")
COMPETITORS = (
    "twin, augmented",
    "twin of one component",
)
WINDOWED = (
    "UNet",
    "UNet twin",
    "ResUNet",
    "ResUNet twin",
    "DilatedResNet",
    "DilatedResNet twin",
)
ABLATIONS = tuple(ARMS)[11:]


def cells_of(
    trajectories: tuple[int, ...], seeds: int, *, paper: bool = False
) -> list[Cell]:
    """All cells, the most telling first; the seeds of one beside each other, as they
    share what is compiled.
    """
    counts = sorted(trajectories)
    middle, most = counts[len(counts) // 2], counts[-1]
    first, usual = list(FLOWS)[:1], {}
    blocks: list[tuple[tuple[str, ...], list[str], list[int], dict[str, float]]] = [
        (("persistence",), list(FLOWS), [most], usual),
        (MAIN, list(FLOWS), counts, usual),
        (COMPETITORS, list(FLOWS), [middle], usual),
    ]
    if not paper:
        scaled = [{"width": x} for x in (0.5, 2.0)]
        scaled += [{"length": x} for x in (0.25, 0.5, 2.0)]
        others = [count for count in counts if count != middle]
        blocks += [
            (WINDOWED, first, [middle], usual),
            (ABLATIONS, first, [middle], usual),
            *((MAIN, first, [most], factors) for factors in scaled),
            (WINDOWED, list(FLOWS)[1:], [middle], usual),
            (COMPETITORS, list(FLOWS), others, usual),
        ]
    chosen = [
        (flow, arm, count, factors)
        for arms, flows, amounts, factors in blocks
        for flow in flows
        for count in amounts
        for arm in arms
    ]
    return [
        Cell(flow, arm, count, seed, **factors)
        for flow, arm, count, factors in chosen
        for seed in range(1 if arm == "persistence" else seeds)
    ]
