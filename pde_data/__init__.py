"""Compressible Navier-Stokes data that can be trusted: solver, generator, reader."""

# First, since it sees to Ctrl-C while all else is imported.
from . import _interrupt as _interrupt  # isort: split

from . import exact as exact, formats as formats, initial as initial, plot as plot
from .certificates._certificate import (
    TrajectoryCertificate as TrajectoryCertificate,
    certify as certify,
)
from .certificates._continuity import snapshot_continuity as snapshot_continuity
from .checking._check_file import check_file as check_file
from .checking._file_report import FileFinding as FileFinding, FileReport as FileReport
from .formats import Field as Field, FlowData as FlowData, load as load
from .generation._config import GenerateConfig as GenerateConfig
from .generation._families import FAMILIES as FAMILIES
from .generation._generate import generate as generate, part_path as part_path
from .generation._sample import (
    Sample as Sample,
    simulate_trajectory as simulate_trajectory,
)
from .solver._boundary import (
    FarField as FarField,
    IsothermalWall as IsothermalWall,
    no_slip_wall as no_slip_wall,
    outflow as outflow,
    periodic as periodic,
    slip_wall as slip_wall,
)
from .solver._equations import CompressibleNavierStokes as CompressibleNavierStokes
from .solver._forcing import (
    ABCForcing as ABCForcing,
    StochasticForcing as StochasticForcing,
    UniformGravity as UniformGravity,
)
from .solver._gas import IdealGas as IdealGas
from .solver._grid import Grid as Grid
from .solver._reconstruction import (
    MUSCL as MUSCL,
    FirstOrder as FirstOrder,
    minmod as minmod,
    monotonized_central as monotonized_central,
    van_leer as van_leer,
)
from .solver._riemann import (
    hll as hll,
    hllc as hllc,
    low_mach as low_mach,
    rusanov as rusanov,
)
from .solver._schemes import SCHEMES as SCHEMES
from .solver._simulation import (
    SimulationError as SimulationError,
    Trajectory as Trajectory,
    fixed_steps as fixed_steps,
    simulate as simulate,
)
from .solver._state import (
    Conserved as Conserved,
    Primitive as Primitive,
    primitive as primitive,
)
from .solver._stepper import rkl2 as rkl2, ssp_rk2 as ssp_rk2, ssp_rk3 as ssp_rk3
from .solver._weno import AWENO5Z as AWENO5Z, WENO5Z as WENO5Z
