"""Exactly equivariant networks on grids of scalars, vectors and tensors."""

from . import (
    models as models,
    nn as nn,
    plot as plot,
    testing as testing,
    training as training,
)
from ._action import act as act
from ._data import (
    Normaliser as Normaliser,
    Windows as Windows,
    fit_normaliser as fit_normaliser,
    flow_signature as flow_signature,
    read_frames as read_frames,
)
from ._extrude import extrude as extrude
from ._filters import (
    FilterBank as FilterBank,
    filter_basis as filter_basis,
    kernel_basis as kernel_basis,
)
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
from ._metric import log_metric_field as log_metric_field, metric_field as metric_field
from ._operators import describe as describe, stencil as stencil
from ._signature import Entry as Entry, Signature as Signature, TensorType as TensorType
from ._subspaces import (
    FilterSubspace as FilterSubspace,
    isotropic as isotropic,
    traceless as traceless,
)
from ._taylor import Operator as Operator, recognise as recognise
from .models import (
    FNO as FNO,
    DilatedResNet as DilatedResNet,
    GroupAverage as GroupAverage,
    Persistence as Persistence,
    Residual as Residual,
    ResNet as ResNet,
    ResUNet as ResUNet,
    UNet as UNet,
    twin as twin,
)
