"""Exactly equivariant networks on grids of scalars, vectors and tensors."""

# First, since it sees to Ctrl-C while all else is imported.
from . import _interrupt as _interrupt  # isort: split

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

from . import (
    _exported_image as _exported_image,
    filters as filters,
    metrics as metrics,
    models as models,
    nn as nn,
)
from ._action import act as act
from ._data import (
    LazyFrames as LazyFrames,
    flow_signature as flow_signature,
    read_frames as read_frames,
)
from ._extrude import extrude as extrude
from ._field_data import FieldData as FieldData
from ._group import (
    Group as Group,
    cyclic as cyclic,
    hyperoctahedral as hyperoctahedral,
    reflections as reflections,
    rotations as rotations,
    trivial as trivial,
)
from ._history import (
    latest_frame as latest_frame,
    push_frame as push_frame,
    stack_frames as stack_frames,
)
from ._image import (
    GeometricImage as GeometricImage,
    concatenate as concatenate,
    random_image as random_image,
)
from ._metric import log_metric_field as log_metric_field, metric_field as metric_field
from ._normaliser import Normaliser as Normaliser, fit_normaliser as fit_normaliser
from ._representation import Representation as Representation
from ._signature import Entry as Entry, Signature as Signature, TensorType as TensorType
from ._unit_normaliser import (
    UnitNormaliser as UnitNormaliser,
    fit_unit_normaliser as fit_unit_normaliser,
)
from ._units import Units as Units, flow_units as flow_units
from ._windows import Windows as Windows
from .filters import (
    FilterBank as FilterBank,
    FilterSubspace as FilterSubspace,
    Operator as Operator,
    covariant_generators as covariant_generators,
    covariants as covariants,
    describe as describe,
    filter_basis as filter_basis,
    is_covariant as is_covariant,
    isotropic as isotropic,
    isotropic_covariants as isotropic_covariants,
    kernel_basis as kernel_basis,
    molien_coefficients as molien_coefficients,
    molien_series as molien_series,
    primary_invariants as primary_invariants,
    recognise as recognise,
    reynolds_operator as reynolds_operator,
    secondary_invariants as secondary_invariants,
    stencil as stencil,
    traceless as traceless,
)
from .models import (
    FNO as FNO,
    Conserving as Conserving,
    DilatedResNet as DilatedResNet,
    Galilean as Galilean,
    GroupAverage as GroupAverage,
    Nondimensional as Nondimensional,
    Persistence as Persistence,
    Propagator as Propagator,
    Residual as Residual,
    ResNet as ResNet,
    ResUNet as ResUNet,
    UNet as UNet,
    twin as twin,
)

if _TYPE_CHECKING:
    from . import (
        plot as plot,
        symmetry as symmetry,
        testing as testing,
        training as training,
    )
    from .training import load as load, save as save

_LATER = {"load": ".training", "save": ".training"}
_LATER |= dict.fromkeys(("plot", "symmetry", "testing", "training"), "")


def __getattr__(name: str) -> _Any:
    """What not every program uses is imported when it is first asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _LATER[name]:
        value = getattr(_import_module(_LATER[name], __name__), name)
    else:
        value = _import_module(f".{name}", __name__)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
