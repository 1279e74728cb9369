"""Every family of initial states after a short run, drawn as one picture.

python examples/gallery.py [--out gallery.png] [--cells 128] [--quick]
"""

import argparse
from pathlib import Path

import jax
import numpy as np

import pde_data
from pde_data.plot import draw_gallery

# Mach number and time of each: long enough for the flow to take its shape.
RUNS = {
    "random_fourier": (0.5, 0.1),
    "turbulent": (0.5, 1.0),
    "stirred": (0.3, 2.0),
    "kelvin_helmholtz": (0.3, 2.0),
    "sharp_kelvin_helmholtz": (0.3, 1.2),
    "double_shear": (0.3, 1.0),
    "vortices": (0.5, 0.5),
    "taylor_green": (0.3, 0.3),
    "acoustic_pulses": (0.3, 0.2),
    "riemann_quadrants": (0.5, 0.2),
    "blast": (0.1, 0.07),
    "implosion": (0.7, 1.0),
    "shock_bubble": (0.7, 0.5),
    "rayleigh_taylor": (0.3, 3.2),
}
VISCOSITY = 1e-4
SEED = 3


def main(out="gallery.png", cells=128, quick=False):
    """Simulate one trajectory of each family and draw its last state."""
    families = sorted(pde_data.FAMILIES, key=list(RUNS).index)
    states, periodic = {}, {}
    for name in families:
        mach, time = RUNS[name]
        family = pde_data.FAMILIES[name]
        solver = pde_data.CompressibleNavierStokes(
            (cells, cells),
            5 / 3,
            VISCOSITY,
            VISCOSITY,
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
