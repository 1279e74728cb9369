"""The solver against PyClaw on a smooth random flow: do they tend to each other?

pip install clawpack  (needs a Fortran compiler), then: python benchmarks/cross_code.py
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

import pde_data

GAMMA, TIME = 5 / 3, 0.25


def fields(x, y):
    """Density, velocity and pressure: six waves each with fixed random phases."""
    random = np.random.default_rng(7)
    waves = [(1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, -2)]
    result = []
    for mean, size in ((1.0, 0.05), (0.2, 0.08), (-0.1, 0.08), (1.0, 0.05)):
        total = mean + 0 * x
        for i, j in waves:
            phase = random.uniform(0, 2 * np.pi)
            total = total + size * np.sin(2 * np.pi * (i * x + j * y) + phase)
        result.append(total)
    return result


def ours(scheme, n):
    """Density at the final time, `(n, n)`."""
    grid = pde_data.Grid((n, n))
    density, u, v, p = map(jnp.asarray, fields(*grid.centers()))
    solver = pde_data.CompressibleNavierStokes(grid, GAMMA, **pde_data.SCHEMES[scheme])
    run = pde_data.simulate(solver, pde_data.Primitive(density, (u, v), p), [0.0, TIME])
    return np.asarray(run.density[-1])


def pyclaw(n):
    """The same by Clawpack's second-order wave propagation, unsplit, Roe, MC."""
    from clawpack import (  # pyright: ignore[reportMissingImports]
        pyclaw as claw,
        riemann,
    )

    solver = claw.ClawSolver2D(riemann.euler_4wave_2D)
    solver.all_bcs = claw.BC.periodic
    solver.limiters = claw.limiters.tvd.MC
    # Dimension splitting, the default, is of first order.
    solver.dimensional_split, solver.transverse_waves = False, 2
    axes = [claw.Dimension(0.0, 1.0, n, name=name) for name in "xy"]
    domain = claw.Domain(axes)
    state = claw.State(domain, 4)
    state.problem_data["gamma"] = GAMMA
    density, u, v, p = fields(*state.grid.p_centers)
    state.q[0], state.q[1], state.q[2] = density, density * u, density * v
    state.q[3] = p / (GAMMA - 1) + 0.5 * density * (u**2 + v**2)
    control = claw.Controller()
    control.solution = claw.Solution(state, domain)
    control.solver, control.tfinal = solver, TIME
    control.num_output_times, control.output_format = 1, None
    control.keep_copy, control.verbosity = False, 0
    control.run()
    return np.array(control.solution.state.q[0])


def main():
    """Print differences at equal resolution, and orders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="+", default=[64, 128, 256])
    cells = parser.parse_args().cells
    other = {n: pyclaw(n) for n in (*cells, 2 * cells[-1])}
    with jax.enable_x64(True):
        runs = {(s, n): ours(s, n) for s in ("muscl", "aweno5z") for n in cells}
    size = np.mean(np.abs(other[cells[-1]] - other[cells[-1]].mean()))
    print(f"mean density fluctuation {size:.3e}")
    for scheme in ("muscl", "aweno5z"):
        errors = [np.mean(np.abs(runs[scheme, n] - other[n])) for n in cells]
        orders = np.log2(np.divide(errors[:-1], errors[1:]))
        print(f"{scheme:8} - PyClaw, same grid:", errors, "orders", orders)
    blocks = [_halved(other[2 * n]) - other[n] for n in cells]
    own = [float(np.mean(np.abs(b))) for b in blocks]
    print("PyClaw, n against 2n cells:   ", own, np.log2(np.divide(own[:-1], own[1:])))


def _halved(x):
    n = len(x) // 2
    return x.reshape(n, 2, n, 2).mean(axis=(1, 3))


if __name__ == "__main__":
    main()
