"""Tolerances grow with the depth of a program, which is counted only if it matters."""

import numpy as np
import pytest

from geomnet._equivariance._tolerance import (
    TOLERANCES,
    deciding_tolerance,
    lower_precision,
    tolerance_for,
)


def test_tolerances_are_those_of_the_dtype_and_grow_with_depth():
    assert tolerance_for("float32") == TOLERANCES["float32"]
    assert tolerance_for("float32", 64) == TOLERANCES["float32"]
    assert tolerance_for("float32", 640) == 10 * TOLERANCES["float32"]
    assert tolerance_for("int32", 640) == 0
    assert lower_precision("float64", "bfloat16", "int32") == "bfloat16"
    assert lower_precision("int32", "bool") == "int32"
    for wrong in ("flaot32", None, 3):
        with pytest.raises(TypeError, match="`dtype` must be the type of an array"):
            tolerance_for(wrong)


def test_the_depth_is_counted_only_for_an_error_that_needs_it():
    usual = TOLERANCES["float32"]

    def never() -> int:
        raise AssertionError("the depth does not matter here")

    assert deciding_tolerance(usual, "float32", never) == usual
    assert deciding_tolerance(2 * usual, "float32", lambda: 640) == 10 * usual
    # NaN is explained by nothing: it must reach the comparison, and fail there.
    assert not float("nan") <= deciding_tolerance(float("nan"), "float32", lambda: 0)
    with pytest.raises(AssertionError, match="does not matter"):
        deciding_tolerance(np.nextafter(usual, 1), "float32", never)
