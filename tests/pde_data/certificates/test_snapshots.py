"""Snapshots are arrays that belong to each other, whoever looks at them."""

import numpy as np
import pytest

import pde_data
from pde_data.certificates._snapshots import as_snapshots, each_snapshot

ONE, VELOCITY = np.ones((3, 4, 5)), np.zeros((3, 4, 5, 2))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((ONE, VELOCITY[..., :1], ONE), r"`velocity` must have shape \(3, 4, 5, 2\)"),
        ((ONE, VELOCITY, ONE[:2]), r"`pressure` must have shape \(3, 4, 5\), got \(2,"),
        ((np.ones(3), np.ones((3, 0)), np.ones(3)), r"`density` must have shape"),
    ],
)
def test_fields_of_other_snapshots_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        pde_data.certify(fields[0], fields[1], fields[2], 1.4)


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize("wrong", ["dense", np.array(1.0), np.ones(3, bool), 1j * ONE])
def test_what_is_no_array_of_real_numbers_is_refused(wrong):
    with pytest.raises(TypeError, match="`density` must be an array, got "):
        as_snapshots(wrong, VELOCITY, ONE)


def test_pieces_are_put_together_in_order_whatever_their_number():
    """Of large snapshots one at a time is looked at."""
    fields = np.arange(6.0)[:, None] * np.ones((6, 2**17 + 1))
    (sums,) = each_snapshot(lambda field: (field[:, 0] * len(field),), fields)
    np.testing.assert_array_equal(sums, np.arange(6.0))
