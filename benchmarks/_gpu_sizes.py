"""How large what `gpu.py` measures is: on a GPU, and for a try on a CPU."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Everything that decides what is measured."""

    channels: tuple[int, ...] = (16, 32, 64)
    """Of scalars, and as many of vectors, in single layers."""
    cells: int = 128
    """A side of layers, UNets and the generator."""
    batch: int = 16
    """Samples of layers and UNets."""
    hidden: str = "16x0+ 24x1+"
    """Of the UNet."""
    depth: int = 4
    """How often the UNet halves the grid."""
    checked_cells: int = 32
    """A side of what is checked for equivariance."""
    checked_depth: int = 2
    """Of the UNet that is checked."""
    flow_cells: int = 64
    """A side of what the propagator sees."""
    modes: int = 16
    """Of the propagator."""
    flow_batch: int = 8
    """Windows of a training step of the propagator."""
    trajectories: int = 64
    """That windows are taken of."""
    training_steps: int = 1000
    """Of the short training."""
    slots: tuple[int, ...] = (1, 16, 96, 384)
    """Trajectories that the generator advances at once."""
    trajectories_in_slots: int = 384
    """In all, where they wait for slots."""
    final_time: float = 0.25
    """Of the generator; six snapshots, a quarter of what a file has by default."""
    copied_bytes: int = 2**30
    """Of the array that the bandwidth is measured with."""
    loaded_steps: int = 20
    """Steps between two looks at the clock where feeding is measured."""
    loaded_turns: int = 25
    """How often each way to feed them has its turn."""
    fill: float = 0.02
    """Seconds that short programs are called behind each other for."""


TINY = Sizes(
    channels=(2,),
    cells=16,
    batch=2,
    hidden="2x0+ 2x1+",
    depth=1,
    checked_cells=8,
    checked_depth=1,
    flow_cells=16,
    modes=3,
    flow_batch=2,
    trajectories=4,
    training_steps=20,
    slots=(1, 3),
    trajectories_in_slots=5,
    final_time=0.02,
    copied_bytes=2**22,
    loaded_steps=5,
    loaded_turns=3,
    fill=0.002,
)
