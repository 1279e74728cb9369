"""A bar that shows how far training is."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from ._run import Run


@contextlib.contextmanager
def bar(run: Run, total: int, progress: bool) -> Iterator[Callable[[int, float], None]]:
    """Yields `(steps, loss) -> None`, which moves the bar if there is one.

    It begins when the first steps are done, so that the time left does not count the
    time to compile.
    """
    if not progress:
        yield lambda _steps, _loss: None
        return
    from tqdm import tqdm

    if run.done < total:
        text = f"{run.name}: compiling the training step ..."
        print(text, file=sys.stderr, flush=True)
    with contextlib.ExitStack() as stack:
        bars: list[Any] = []

        def update(steps: int, loss: float) -> None:
            if bars:
                bars[0].update(steps)
            else:
                bar = tqdm(total=total, initial=run.done, desc=run.name, unit="step")
                bars.append(stack.enter_context(bar))
            bars[0].set_postfix(loss=f"{loss:.2e}")

        yield update
