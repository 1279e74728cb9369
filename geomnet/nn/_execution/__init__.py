"""How layers are executed: the one place that knows XLA. See `README.md` here.

Layers import from this door alone; what they hand over is arrays and static values
(`Representation`, `KernelSpace`, `PlacedWindow`, faces).
"""

from ._blocks import gather_blocks as gather_blocks, scatter_blocks as scatter_blocks
from ._components import (
    affine_to_components as affine_to_components,
    copy_channels as copy_channels,
    copy_to_components as copy_to_components,
    invariants as invariants,
    keep_opposites as keep_opposites,
    root as root,
    sum_components as sum_components,
)
from ._convolution import Form as Form, chosen_form as chosen_form, convolve as convolve
from ._dense import (
    dense_kernel as dense_kernel,
    from_groups as from_groups,
    to_groups as to_groups,
)
from ._device import is_accelerator as is_accelerator
from ._extension import extend as extend
from ._fourier import (
    analyse as analyse,
    restrict as restrict,
    synthesise as synthesise,
)
from ._primitives import times as times
from ._recomputation import kept as kept, recomputed as recomputed
from ._spectral import multiply as multiply
from ._transposed import convolve_transposed as convolve_transposed, spread as spread
