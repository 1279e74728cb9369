"""The smallest run: images, minus twice of them, and a layer that learns it.

Tests import it, and so do the scripts beside it that are processes of their own.
"""

import time
from typing import Any

import jax
import numpy as np
import optax

import geomnet as gn

# Of any type, as some tests give it wrong arguments.
training: Any = gn.training
SQUARE = gn.hyperoctahedral(2)
FLOW = gn.Signature("s:0+ v:1+")
KEY = jax.random.key(0)
ADAM = optax.adam(1e-2)
ARRAYS = np.random.default_rng(0).standard_normal((8, 4, 4, 3)).astype(np.float32)


class Windows:
    """Images and minus twice of them; `layout` over devices; `seconds` for a batch."""

    def __init__(self, arrays=ARRAYS, *, layout=None, seconds: float = 0.0):
        self.arrays, self.layout, self.seconds = arrays, layout, seconds

    def __len__(self) -> int:
        return len(self.arrays)

    def take(self, numbers) -> Any:
        time.sleep(self.seconds)
        array = self.arrays[numbers]
        if self.layout is not None:
            array = jax.device_put(array, self.layout)
        image = gn.GeometricImage(FLOW, array, 2)
        return image, image * -2.0


def loss(model, batch):
    *inputs, targets = batch
    return training.smse(jax.vmap(model)(*inputs), targets).mean()


def linear(seed: int = 0):
    return gn.nn.Linear(SQUARE, FLOW, FLOW, key=jax.random.key(seed))


def fit(path=None, **changes):
    given = {
        "model": linear(),
        "loss": loss,
        "windows": Windows(),
        "optimiser": ADAM,
        "num_steps": 6,
        "batch_size": 4,
        "key": KEY,
        "metadata": {"grid": (4, 4)},
        "checkpoint": path,
    }
    return training.fit(**given | changes)


def refusal(call: Any) -> str:
    """What a call raises, in words."""
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"
