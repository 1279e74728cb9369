"""Symmetry checks for users' own tests: is it equivariant, and if not, where?"""

from ._all import (
    TOLERANCES as TOLERANCES,
    EquivarianceError as EquivarianceError,
    assert_equivariant as assert_equivariant,
    cast as cast,
    equivariance_error as equivariance_error,
    equivariance_errors as equivariance_errors,
    first_guilty_layer as first_guilty_layer,
    perturb as perturb,
    translation_error as translation_error,
)
