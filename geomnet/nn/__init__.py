"""Layers: each takes a `GeometricImage` and gives one, exactly equivariantly.

Layers of your own are built from the same parts: `AbstractLayer` and its checks, and
rules for the faces of a grid.
"""

from ._activation import Gate as Gate, NormActivation as NormActivation
from ._bias import Bias as Bias
from ._boundary import (
    Boundaries as Boundaries,
    Boundary as Boundary,
    Faces as Faces,
    as_faces as as_faces,
    periodic_steps as periodic_steps,
    surviving_group as surviving_group,
)
from ._conditioned_spectral import ConditionedSpectralConv as ConditionedSpectralConv
from ._contract import (
    AbstractEveryGridLayer as AbstractEveryGridLayer,
    AbstractHalvingLayer as AbstractHalvingLayer,
    AbstractLayer as AbstractLayer,
    AbstractTypeKeepingLayer as AbstractTypeKeepingLayer,
    check_dimension as check_dimension,
    check_divides as check_divides,
    check_image as check_image,
    common_steps as common_steps,
)
from ._conv import Conv as Conv
from ._conv_transpose import ConvTranspose as ConvTranspose
from ._dropout import Dropout as Dropout
from ._export import export as export
from ._film import FiLM as FiLM
from ._kernel import Kernel as Kernel
from ._linear import Linear as Linear
from ._mean_bias import MeanBias as MeanBias
from ._norm import (
    GroupNorm as GroupNorm,
    InstanceNorm as InstanceNorm,
    LayerNorm as LayerNorm,
)
from ._pool import (
    AveragePool as AveragePool,
    BlurPool as BlurPool,
    MultilinearUp as MultilinearUp,
    NearestUp as NearestUp,
    NormPool as NormPool,
)
from ._resample import Down as Down, Up as Up
from ._spectral import SpectralConv as SpectralConv
from ._tensor_product import TensorProduct as TensorProduct
from ._vector_neuron import VectorNeuron as VectorNeuron
