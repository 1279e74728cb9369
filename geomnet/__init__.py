"""Exactly equivariant networks on grids of scalars, vectors and tensors."""

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
from ._image import (
    GeometricImage as GeometricImage,
    concatenate as concatenate,
    random_image as random_image,
)
from ._signature import Entry as Entry, Signature as Signature, TensorType as TensorType
