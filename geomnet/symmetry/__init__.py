"""Which symmetries do data and simulators have, and which parity do their fields?

`symmetry_report` asks a data set, by statistics over its trajectories;
`function_symmetry_report` asks a function, such as one step of a simulator, by its
errors on one input. Both give a `SymmetryReport`.
"""

from ._data_report import symmetry_report as symmetry_report
from ._function_report import function_symmetry_report as function_symmetry_report
from ._report import (
    ParityFinding as ParityFinding,
    SymmetryFinding as SymmetryFinding,
    SymmetryReport as SymmetryReport,
)
