"""Layers: each takes a `GeometricImage` and gives one, exactly equivariantly."""

from ._activation import Gate as Gate
from ._conv import Conv as Conv
from ._kernel import Bias as Bias, Kernel as Kernel
from ._linear import Linear as Linear
from ._norm import LayerNorm as LayerNorm
from ._resample import Down as Down, Up as Up
