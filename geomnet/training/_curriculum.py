"""Losses by training step: first one step ahead, then rollouts."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import optax
from jaxtyping import Array, Float

from .._arguments import is_integer
from ._layout import Layout
from ._step import TrainState, step_on


@dataclasses.dataclass(frozen=True, init=False)
class Curriculum:
    """Which loss trains from which step on: `Curriculum({0: one_step, 400: four})`.

    `fit` takes it as its loss. Each loss is compiled once, when its stage begins. The
    stages are part of what a run is, and a run that is resumed in any of them goes on
    bit for bit.
    """

    stages: tuple[tuple[int, Callable[..., Any]], ...]
    """(first step, loss), in order; steps are counted from 0."""

    def __init__(self, losses: Mapping[int, Callable[..., Any]]):
        """**Arguments:**

        - `losses`: by the step from which on they train; one must be at 0. All are
            given the same batches, so that these hold what the longest needs.

        **Raises:** `ValueError` if none is at 0 or a step is negative; `TypeError` for
        steps that are no integers and losses that are no functions.
        """
        if not isinstance(losses, Mapping):
            raise TypeError(
                "`losses` must be a dict from steps to losses, such as "
                f"{{0: one_step_loss, 400: four_step_loss}}, got {losses!r}."
            )
        for step, loss in losses.items():
            if not is_integer(step):
                raise TypeError(f"`losses` has the step {step!r}, which is no integer.")
            if not callable(loss) or isinstance(loss, Curriculum):
                raise TypeError(
                    f"`losses` must have a function at step {step}, got {loss!r}."
                )
        stages = tuple((int(step), losses[step]) for step in sorted(losses))
        if not stages or stages[0][0] != 0:
            raise ValueError(
                "`losses` must have one from step 0 on, and none before; got the "
                f"steps {[step for step, _ in stages]}."
            )
        object.__setattr__(self, "stages", stages)

    def stage(self, step: int) -> int:
        """The number of the stage that `step` belongs to, both from 0."""
        return sum(first <= step for first, _ in self.stages) - 1


def make_train_steps(
    curriculum: Curriculum, optimiser: optax.GradientTransformation, layout: Layout
) -> Callable[[int, TrainState, Any], tuple[TrainState, Float[Array, ""]]]:
    """`(steps done, state, batch) -> (next state, loss)`: the step of the stage.

    With the first batch later stages are traced too, so that what is wrong with them is
    found then, and not in the middle of the run.
    """
    steps = [step_on(layout, loss, optimiser) for _, loss in curriculum.stages]
    traced: list[int] = []

    def take(done: int, state: TrainState, batch: Any) -> Any:
        now = curriculum.stage(done)
        if not traced:
            for step in steps[now + 1 :]:
                eqx.filter_eval_shape(step, state, batch)
            traced.append(now)
        return steps[now](state, batch)

    return take


def as_curriculum(loss: Any) -> Curriculum:
    """A loss alone as the only stage."""
    return loss if isinstance(loss, Curriculum) else Curriculum({0: loss})
