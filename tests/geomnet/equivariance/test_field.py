"""Fields on the host move as images do."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import geomnet as gn
from geomnet._equivariance._field import Field
from geomnet.testing import strategies

# Run-time type checks pick one item of a list at random, also inside strategies.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

RELAXED = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


@settings(max_examples=30, **RELAXED)
@given(case=strategies.cases(), data=st.data())
def test_the_action_on_the_host_is_that_of_the_library(case, data):
    group, image = case
    g = data.draw(strategies.elements(group))
    np.testing.assert_array_equal(
        Field.of(image).moved(g).array, gn.act(g, image).array
    )
