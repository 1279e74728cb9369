"""How curves and colours are told apart: in grey, too, and by the colour-blind."""

from typing import Any

STYLES: tuple[dict[str, Any], ...] = tuple(
    {"color": colour, "linestyle": dash, "marker": marker}
    for colour, dash, marker in (
        ("#000000", "-", "o"),
        ("#0072B2", "--", "s"),
        ("#D55E00", "-.", "^"),
        ("#009E73", ":", "D"),
        ("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "v"),
        ("#E69F00", (0, (1, 1)), "P"),
        ("#56B4E9", (0, (8, 2)), "X"),
    )
)
"""Colours of Okabe and Ito (2008), each with a dash and a marker of its own."""

BEYOND = {"viridis": ("red", "black"), "RdBu_r": ("lime", "blueviolet")}
"""For each map of colours those of what lies above and below its limits.

They are none of the map's, whoever looks (`tests/test_colours.py`).
"""


def style(number: int) -> dict[str, Any]:
    """That of a curve; after seven of them colours meet other markers."""
    around, colour = divmod(number, len(STYLES))
    marker = STYLES[(colour + around) % len(STYLES)]["marker"]
    return {**STYLES[colour], "marker": marker}


def every(points: int) -> int:
    """Every so many points have a marker, so that the line stays to be seen."""
    return max(1, points // 12)
