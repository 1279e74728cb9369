"""Symmetry checks for users' own tests: is it equivariant, and if not, where?

A map f commutes with the group if `f(g·x) = g·f(x)` for every element g. The checks
here measure the difference for every g, for any callable; for modules they also find
the first layer at which it arises.
"""

from ._assert import assert_equivariant as assert_equivariant
from ._certify import certify as certify
from ._debug import (
    checkify_error as checkify_error,
    print_error as print_error,
    raise_error as raise_error,
    self_checking as self_checking,
)
from ._errors import (
    EquivarianceError as EquivarianceError,
    equivariance_error as equivariance_error,
    equivariance_errors as equivariance_errors,
    translation_error as translation_error,
)
from ._findings import (
    Finding as Finding,
    ParityFinding as ParityFinding,
    SymmetryReport as SymmetryReport,
)
from ._guilty import LayerError as LayerError, first_guilty_layer as first_guilty_layer
from ._report import Certificate as Certificate, Check as Check
from ._states import cast as cast, perturb as perturb
from ._symmetry import symmetry_report as symmetry_report
from ._tolerance import TOLERANCES as TOLERANCES, tolerance_for as tolerance_for
