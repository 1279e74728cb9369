"""The UNet of `_plain_unet.py` in PyTorch, as its users write it for speed.

`torch.compile`, channels last, bfloat16 by autocast, a fused AdamW.
"""

import importlib.util
import time
from typing import Any

from _measure import Program


def is_installed() -> bool:
    """Whether there is a PyTorch; it is not imported, which may fail."""
    return importlib.util.find_spec("torch") is not None


def sees_a_gpu() -> bool:
    """Whether PyTorch has one to run on."""
    import torch  # pyright: ignore[reportMissingImports]

    return torch.cuda.is_available()


class Queued:
    """What waits for the device as an array of JAX does."""

    def __init__(self, device: str):
        self._device = device

    def block_until_ready(self) -> "Queued":
        import torch  # pyright: ignore[reportMissingImports]

        if self._device != "cpu":
            torch.cuda.synchronize()
        return self


def train_step(
    source: int,
    target: int,
    width: int,
    depth: int,
    cells: int,
    batch: int,
    device: str = "cuda",
    compiled: bool = True,
) -> Program:
    """Loss, gradient and an AdamW update on random numbers, run once.

    **Arguments:** `source`, `target`, `width`: channels; `cells`: a side of the plane.
    """
    import torch  # pyright: ignore[reportMissingImports]

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    layout: Any = {"memory_format": torch.channels_last}
    net: Any = unet(source, target, width, depth).to(device=device, **layout)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=device != "cpu")
    x, y = (
        torch.randn(batch, n, cells, cells, device=device).to(**layout)
        for n in (source, target)
    )
    forward = torch.compile(net) if compiled else net

    def step() -> Queued:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype=torch.bfloat16):
            loss = torch.nn.functional.mse_loss(forward(x).float(), y)
        loss.backward()
        optimiser.step()
        return Queued(device)

    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    step().block_until_ready()
    figures: dict[str, float] = {"compile_seconds": time.perf_counter() - began}
    if device != "cpu":
        figures["peak_bytes"] = torch.cuda.max_memory_allocated()
    return Program(step, figures)


def unet(source: int, target: int, width: int, depth: int) -> Any:
    """The network, an `nn.Module`."""
    import torch  # pyright: ignore[reportMissingImports]
    from torch import nn  # pyright: ignore[reportMissingImports]

    def convolution(a: int, b: int, bias: bool) -> Any:
        return nn.Conv2d(a, b, 3, padding=1, padding_mode="circular", bias=bias)

    def block(a: int, b: int) -> Any:
        return nn.Sequential(convolution(a, b, False), nn.GroupNorm(1, b), nn.SiLU())

    class Level(nn.Module):
        """What stands between two levels: encode, go down, come back, decode."""

        def __init__(self, width: int, depth: int):
            super().__init__()
            self.encode = block(width, width)
            self.down = nn.Conv2d(width, 2 * width, 2, stride=2, bias=False)
            self.inside = (
                Level(2 * width, depth - 1)
                if depth > 1
                else block(2 * width, 2 * width)
            )
            self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2, bias=False)
            self.decode = nn.Sequential(block(2 * width, width), block(width, width))

        def forward(self, x: Any) -> Any:
            kept = self.encode(x)
            back = self.up(self.inside(self.down(kept)))
            return self.decode(torch.cat([back, kept], dim=1))

    ends = block(source, width), convolution(width, target, True)
    return nn.Sequential(ends[0], Level(width, depth), ends[1])
