"""Families of random initial states, each a function of a solver and a key.

**Arguments:** of every family but `gravity`, which is a forcing:

- `solver`: the state is on its grid, for its gas.
- `key`: from `jax.random.key`; it decides every draw.
- `mach`: the scale of the velocities over a sound speed, which the family names.

**Returns:** a `Primitive`, everything non-dimensional; lengths are those of the
solver's box.

**Good values:** each family's own defaults.
"""

from ._fourier import random_fourier as random_fourier, turbulent as turbulent
from ._layers import (
    double_shear as double_shear,
    gravity as gravity,
    kelvin_helmholtz as kelvin_helmholtz,
    rayleigh_taylor as rayleigh_taylor,
    sharp_kelvin_helmholtz as sharp_kelvin_helmholtz,
)
from ._shocks import (
    blast as blast,
    implosion as implosion,
    riemann_quadrants as riemann_quadrants,
    shock_bubble as shock_bubble,
)
from ._vortices import (
    acoustic_pulses as acoustic_pulses,
    taylor_green as taylor_green,
    vortices as vortices,
)
