"""Small models: some that commute with their group, and one that does not."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

import geomnet as gn

SQUARE = gn.hyperoctahedral(2)


def random_array(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def gradient(s):
    return jnp.stack([jnp.roll(s, -1, a) - jnp.roll(s, 1, a) for a in (0, 1)], -1)


class Gradient(eqx.Module):
    def __call__(self, image):
        slope = gradient(image.array[..., 0])
        return gn.GeometricImage("1+", slope, image.num_spatial_dims)


class Shift(eqx.Module):
    """Commutes with no reflection."""

    def __call__(self, image):
        return image.with_array(jnp.roll(image.array, 1, 0))


class Pair(eqx.Module):
    first: Any
    second: Any

    def __call__(self, image):
        return self.second(self.first(image))
