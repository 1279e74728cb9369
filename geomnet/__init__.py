"""Exactly equivariant networks on grids of scalars, vectors and tensors."""

from . import models as models, nn as nn
from ._action import act as act
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
from ._signature import Entry as Entry, Signature as Signature, TensorType as TensorType
from .models import Residual as Residual, UNet as UNet, twin as twin
