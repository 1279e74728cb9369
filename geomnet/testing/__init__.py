"""Symmetry checks for users' own tests: is it equivariant, and if not, where?

A map f commutes with the group if `f(g·x) = g·f(x)` for every element g. The checks
here measure the difference for every g, for any callable; for modules they also find
the first layer at which it arises. Which symmetries data have is asked in
`geomnet.symmetry`, whose names are here too.
"""

from .._equivariance._deviation import (
    Deviation as Deviation,
    equivariance_error as equivariance_error,
    equivariance_errors as equivariance_errors,
    translation_error as translation_error,
)
from .._equivariance._tolerance import (
    TOLERANCES as TOLERANCES,
    tolerance_for as tolerance_for,
)
from ..symmetry import (
    ParityFinding as ParityFinding,
    SymmetryFinding as SymmetryFinding,
    SymmetryReport as SymmetryReport,
    function_symmetry_report as function_symmetry_report,
    symmetry_report as symmetry_report,
)
from ._assert import assert_equivariant as assert_equivariant
from ._certificate import (
    Check as Check,
    EquivarianceCertificate as EquivarianceCertificate,
)
from ._certify import certify as certify
from ._galilean import (
    assert_galilean_covariant as assert_galilean_covariant,
    galilean_errors as galilean_errors,
)
from ._guilty_layer import (
    LayerDeviation as LayerDeviation,
    first_guilty_layer as first_guilty_layer,
)
from ._self_checking import (
    checkify_error as checkify_error,
    print_error as print_error,
    raise_error as raise_error,
    self_checking as self_checking,
)
from ._training_states import cast as cast, perturb as perturb
from ._units import (
    assert_units_covariant as assert_units_covariant,
    units_errors as units_errors,
)
