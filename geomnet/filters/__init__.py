"""Filter theory: every filter that a group leaves alone, exactly, and what it means.

From `_orbits.py` and `_characters.py`, which find and count the filters, to
`_bank.py`, which holds them; `_invariants.py` is the same for polynomials. What filters
do to smooth fields is in `_differential_operator.py` and `_stencil.py`; `_subspaces.py`
and `_isotropic.py` single out those that a larger symmetry leaves alone.
"""

from ._bank import (
    FilterBank as FilterBank,
    filter_basis as filter_basis,
    kernel_basis as kernel_basis,
)
from ._differential_operator import Operator as Operator, recognise as recognise
from ._invariants import (
    covariant_generators as covariant_generators,
    covariants as covariants,
    is_covariant as is_covariant,
    molien_coefficients as molien_coefficients,
    molien_series as molien_series,
    primary_invariants as primary_invariants,
    reynolds_operator as reynolds_operator,
    secondary_invariants as secondary_invariants,
)
from ._isotropic import isotropic_covariants as isotropic_covariants
from ._stencil import describe as describe, stencil as stencil
from ._subspaces import (
    FilterSubspace as FilterSubspace,
    isotropic as isotropic,
    traceless as traceless,
)
