"""A model made equivariant by averaging: of what it is made, and how much is left."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn

MIRROR = gn.hyperoctahedral(1)


def image(*values: float) -> gn.GeometricImage:
    return gn.GeometricImage("0+", np.array(values, np.float32)[:, None], 1)


@pytest.mark.usefixtures("no_type_checks")
def test_what_can_not_be_called_is_no_model():
    number: Any = 3
    with pytest.raises(TypeError, match=r"`model` must be callable .* got int"):
        gn.GroupAverage(number, MIRROR)


def test_the_share_is_the_mean_over_the_largest_term():
    """Of x + ramp the ramp cancels: what is left is x, of terms as large as both."""
    ramp = jnp.array([[-2.0], [2.0]])
    average = gn.GroupAverage(lambda x: x.with_array(x.array + ramp), MIRROR)
    assert float(average.share(image(1, 1))) == pytest.approx(1 / 3, rel=1e-6)
    whole = gn.GroupAverage(lambda x, factor: x * factor, MIRROR)
    # Of an equivariant model all is left, with more inputs too, and of zero nothing.
    assert float(whole.share(image(1, -3), 2.0)) == 1
    assert float(whole.share(image(0, 0), 2.0)) == 0
