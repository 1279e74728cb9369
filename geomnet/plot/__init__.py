"""Pictures of filters and fields; matplotlib is loaded when something is drawn."""

from ._animation import animation as animation
from ._bands import (
    data_efficiency as data_efficiency,
    error_bands as error_bands,
    spectra as spectra,
)
from ._curves import error_growth as error_growth, learning_curves as learning_curves
from ._fields import field as field, rollouts as rollouts
from ._filters import filters as filters
