"""Every family of initial states after a short run, drawn as one picture.

python examples/gallery.py [--out gallery.png] [--cells 128] [--quick]
"""

import argparse
from pathlib import Path

import jax
import numpy as np

import pde_data
from pde_data.plot import draw_gallery

# Each family has settings that show it, which the command line takes, too. Those of the
# random states are viscous, as PDEBench's are: here they are not.
THIN_WAVES = {
    "mach": 0.5,
    "shear_viscosity": 1e-4,
    "bulk_viscosity": 1e-4,
    "final_time": 0.1,
}
SEED = 3


def main(out="gallery.png", cells=128, quick=False):
    """Simulate one trajectory of each family and draw its last state."""
    states, periodic = {}, {}
    for name, family in pde_data.FAMILIES.items():
        settings = THIN_WAVES if name == "random_fourier" else family.settings
        mach, time = settings["mach"], settings["final_time"]
        solver = pde_data.CompressibleNavierStokes(
            (cells, cells),
            5 / 3,
            settings["shear_viscosity"],
            settings["bulk_viscosity"],
            boundary=family.boundary(2),
            forcing=family.forcing,
            **pde_data.SCHEMES["muscl" if quick else "weno5z"],
        )
        start = family.draw(solver, jax.random.key(SEED), mach=mach)
        times = [0.0, 0.1 * time if quick else time]
        run = pde_data.simulate(solver, start, times)
        fields = (run.density[-1], run.velocity[-1], run.pressure[-1])
        states[name] = tuple(map(np.asarray, fields))
        periodic[name] = [lower is pde_data.periodic for lower, _ in solver.boundary]
        print(f"{name:24} t = {times[-1]:<4.3g} {int(run.num_steps[-1]):5} steps")
    path = draw_gallery(states, (1 / cells, 1 / cells), Path(out), periodic=periodic)
    print(f"{path}: done.")
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="gallery.png", help="the picture")
    parser.add_argument("--cells", type=int, default=128, help="along each axis")
    parser.add_argument("--quick", action="store_true", help="MUSCL, a tenth the time")
    options = parser.parse_args()
    cells = 24 if options.quick and options.cells == 128 else options.cells
    main(options.out, cells, options.quick)
