"""Pictures of filters and fields; matplotlib is loaded when something is drawn."""

from ._animation import animation as animation
from ._curves import (
    data_efficiency as data_efficiency,
    error_bands as error_bands,
    spectra as spectra,
)
from ._fields import (
    error_growth as error_growth,
    field as field,
    learning_curves as learning_curves,
    rollouts as rollouts,
)
from ._filters import filters as filters
