"""Speed of the solver: cell updates a second, against NumPy and the memory's speed.

python benchmarks/solver.py [--only PART ...], of
rates, compiling, scaling, batches, mach, trajectories, accuracy
"""

# What they mean: benchmarks/solver.md. 128², 2 shared x86-64 cores (load 2 to 4),
# JAX 0.10.2, 2026-11-25, 1e6 cell updates a second by the clock (per core), viscous:
#   float32 muscl 19.6 (12.5), weno5z 4.8 (2.7), aweno5z 4.7 (2.7)
#   float64 muscl 13.6 (7.8), weno5z 2.7 (1.4), aweno5z 3.1 (1.6); NumPy twin 2.70
# 6.5 s a trajectory of 21 snapshots (muscl), 16 s (aweno5z); a batch of 8 keeps 102 %.
# The floor of memory traffic is 15 to 21 times faster than muscl.

import argparse
import dataclasses
import sys
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from _measure import Seconds, interleaved, machine, once

import pde_data
from pde_data.generation._sample import simulate_together, simulate_trajectories

# Cell updates a second of other codes, 128², two idle cores of the same kind, as
# measured for shared figures before this suite existed: float32 but for PyClaw.
PEERS = {
    "PDEBench's generator, inviscid": 0.165e6,
    "the same, eta = 0.01": 0.14e6,
    "JAX-Fluids, WENO5-Z, inviscid": 0.95e6,
    "JAX-Fluids, viscous": 0.36e6,
    "PyClaw, one core, float64": 1.5e6,
}
SCHEMES = ("muscl", "muscl-low-mach", "weno5z", "aweno5z")
NUMBER = 10


@eqx.filter_jit
def _steps(solver, state, number):
    def body(_, state):
        step = solver.stable_step(state)
        return solver.step(state, step, jnp.zeros((), step.dtype))

    return jax.lax.fori_loop(0, number, body, state)


def case(scheme, n, viscosity=0.0, mach=0.1, seed=0):
    """A solver and a random state for it."""
    solver = pde_data.CompressibleNavierStokes(
        (n, n), 5 / 3, viscosity, viscosity, **pde_data.SCHEMES[scheme]
    )
    start = pde_data.initial.random_fourier(solver, jax.random.key(seed), mach=mach)
    return solver, start


def stepper(scheme, n, viscosity, number, dtype="float32"):
    """A function that takes `number` steps, compiled; and what compiling took."""
    with jax.enable_x64(dtype == "float64"):
        solver, start = case(scheme, n, viscosity)
        state = solver.gas.conserved(start)
        compiled = once(lambda: _steps(solver, state, 1))

    def run():
        with jax.enable_x64(dtype == "float64"):
            return jax.block_until_ready(_steps(solver, state, number))

    return run, compiled


def numpy_step(cells):
    """One step of MUSCL-MC, HLLC, inviscid, two stages, plainly in NumPy, float32."""
    random = np.random.default_rng(0)
    gamma, h = np.float32(5 / 3), np.float32(1 / cells)
    shape = (cells, cells)
    density = random.uniform(1, 1.1, shape).astype(np.float32)
    u, v = (0.1 * random.normal(size=(2, *shape))).astype(np.float32)
    p = random.uniform(1, 1.1, shape).astype(np.float32)
    energy = p / (gamma - 1) + 0.5 * density * (u * u + v * v)
    state = np.stack([density, density * u, density * v, energy])

    def face_flux(w, axis):
        a = w - np.roll(w, 1, axis + 1)
        b = np.roll(a, -1, axis + 1)
        twice = 2 * np.where(a * b > 0, np.sign(a) * np.minimum(abs(a), abs(b)), 0)
        mean = 0.5 * (a + b)
        slope = np.sign(mean) * np.minimum(abs(twice), abs(mean))
        left, right = w + 0.5 * slope, np.roll(w - 0.5 * slope, -1, axis + 1)
        sides = []
        for rho, ux, uy, pressure in (left, right):
            total = pressure / (gamma - 1) + 0.5 * rho * (ux * ux + uy * uy)
            normal = (ux, uy)[axis]
            conserved = np.stack([rho, rho * ux, rho * uy, total])
            flux = normal * conserved
            flux[1 + axis] += pressure
            flux[3] += normal * pressure
            sides.append((rho, normal, pressure, conserved, flux))
        (r_l, u_l, p_l, c_l, f_l), (r_r, u_r, p_r, c_r, f_r) = sides
        a_l, a_r = np.sqrt(gamma * p_l / r_l), np.sqrt(gamma * p_r / r_r)
        s_l, s_r = np.minimum(u_l - a_l, u_r - a_r), np.maximum(u_l + a_l, u_r + a_r)
        m_l, m_r = r_l * (s_l - u_l), r_r * (s_r - u_r)
        contact = (p_r - p_l + m_l * u_l - m_r * u_r) / (m_l - m_r)
        stars = []
        for r, un, pk, c, f, s in (
            (r_l, u_l, p_l, c_l, f_l, s_l),
            (r_r, u_r, p_r, c_r, f_r, s_r),
        ):
            scale = (s - un) / (s - contact)
            star = scale * c
            star[1 + axis] = scale * r * contact
            work = (contact - un) * (r * contact + pk / (s - un))
            star[3] = scale * (c[3] + work)
            stars.append(f + s * (star - c))
        flux = np.where(contact > 0, stars[0], stars[1])
        return np.where(s_l > 0, f_l, np.where(s_r < 0, f_r, flux))

    def rate(state):
        rho = state[0]
        u, v = state[1] / rho, state[2] / rho
        p = (gamma - 1) * (state[3] - 0.5 * rho * (u * u + v * v))
        w = np.stack([rho, u, v, p])
        total = 0
        for axis in range(2):
            flux = face_flux(w, axis)
            total = total - (flux - np.roll(flux, 1, axis + 1)) / h
        return total

    def step():
        dt = np.float32(0.2) * h
        k1 = rate(state)
        return state + dt / 2 * (k1 + rate(state + dt * k1))

    return step


def copy_once():
    """A function that copies 64 MiB, far more than the caches; bytes both ways."""
    source = np.ones(2**26 // 4, np.float32)
    target = np.empty_like(source)
    return lambda: np.copyto(target, source), 2 * source.nbytes


def _rate(n, number, seconds: Seconds):
    updates = n * n * number / 1e6
    return f"{updates / seconds.wall:6.2f} {updates / seconds.cpu:8.2f}"


def rates(n, repeats):
    """Each scheme, precision and viscosity: updates a second by clock and by core."""
    functions, compiled, bytes_both = {"NumPy twin": numpy_step(n)}, {}, 0
    functions["copy"], bytes_both = copy_once()
    for scheme in SCHEMES:
        for dtype in ("float32", "float64"):
            for viscosity in (0.0, 0.01):
                name = f"{scheme} {dtype} {viscosity}"
                functions[name], compiled[name] = stepper(
                    scheme, n, viscosity, NUMBER, dtype
                )
    seconds = interleaved(functions, repeats)
    print(f"{'1e6 cell updates per second':38} wall   per core   compile s (cpu)")
    for name, took in compiled.items():
        print(
            f"  {name:34} {_rate(n, NUMBER, seconds[name])}   "
            f"{took.wall:5.1f} ({took.cpu:.1f})"
        )
    plain, copy = seconds["NumPy twin"], seconds["copy"]
    print(f"  {'NumPy twin of muscl, float32':34} {_rate(n, 1, plain)}")
    ours = seconds["muscl float32 0.0"]
    cpu = n * n * NUMBER / ours.cpu
    print(f"MUSCL over NumPy, per core: {cpu * plain.cpu / n**2:.1f}")
    # Each stage reads and writes the four conserved variables once.
    for scheme, stages in zip(SCHEMES, (2, 3, 3, 3), strict=True):
        took = seconds[f"{scheme} float32 0.0"].cpu / (n * n * NUMBER)
        floor = stages * 8 * 4 * copy.cpu / bytes_both
        print(f"memory floor: {scheme} takes {took / floor:.1f} times as long")
    for scheme in SCHEMES:
        pair = [seconds[f"{scheme} {kind} 0.01"].cpu for kind in ("float64", "float32")]
        print(f"float64 over float32, viscous: {scheme} {pair[0] / pair[1]:.2f}")
    for name, peer in PEERS.items():
        kind = "0.01" if "visc" in name and "inv" not in name else "0.0"
        kind = "0.01" if "eta" in name else kind
        ratios = ", ".join(
            f"{s} {n * n * NUMBER / seconds[f'{s} float32 {kind}'].wall / peer:.1f}"
            for s in SCHEMES
        )
        print(f"over {name} ({peer / 1e6:.2f}): {ratios}")


def scaling(n, repeats):
    """Cost against cells and steps: nanoseconds of core per update."""
    sizes = {
        (m, k): stepper("muscl", m, 0.01, k)[0]
        for m in (n // 2, n, 2 * n)
        for k in (NUMBER, 4 * NUMBER)
    }
    seconds = interleaved({str(key): run for key, run in sizes.items()}, repeats)
    for m, k in sizes:
        per = seconds[str((m, k))].cpu / (m * m * k)
        print(f"muscl {m:4}² {k:3} steps: {1e9 * per:6.1f} ns per update")


def batches(n, repeats):
    """Eight trajectories against one, in the loop of the generator and in slots."""
    config = pde_data.GenerateConfig(
        grid=(n, n), final_time=0.1, snapshots=3, trajectories=8, batch=8
    )
    alone = dataclasses.replace(config, batch=1)
    counts = [pde_data.simulate_trajectory(alone, i).num_steps for i in range(8)]
    seconds = interleaved(
        {
            "one by one": lambda: [
                pde_data.simulate_trajectory(alone, i) for i in range(8)
            ],
            "batch of 8, loop": lambda: list(simulate_trajectories(config, range(8))),
            "batch of 8, slots": lambda: [
                run.state for _, run in simulate_together(config, range(8), 8)
            ],
        },
        repeats,
    )
    one = seconds["one by one"]
    for name, took in seconds.items():
        print(
            f"{name:18} {_rate(n, sum(counts), took)}  useful 1e6 updates/s; "
            f"{one.wall / took.wall:.0%} of the rate of one (per core "
            f"{one.cpu / took.cpu:.0%})"
        )
    waste = 1 - np.mean(counts) / max(counts)
    print(
        f"steps {sorted(counts)}: a loop wastes none; 8 slots with nothing to follow "
        f"waste {waste:.0%} (more trajectories: benchmarks/generation.py)"
    )


def compiling(n, repeats):
    """Seconds to compile ten steps, 32², of each scheme, and over those of MUSCL."""
    del n, repeats
    base = None
    for scheme in (*SCHEMES, "aweno5z-low-mach"):
        _, compiled = stepper(scheme, 32, 0.01, NUMBER)
        base = base or compiled.cpu
        print(f"{scheme:18} {compiled}, {compiled.cpu / base:.1f} of muscl", flush=True)


def mach(n, repeats):
    """Steps per unit time at falling Mach number: sound sets the step, not the flow."""
    del repeats
    for number in (1.0, 0.1, 0.01, 0.001):
        solver, start = case("muscl", n, 0.0, number)
        speed = np.mean(np.hypot(*map(np.asarray, start.velocity)))
        per_time = 1 / float(solver.stable_step(solver.gas.conserved(start)))
        print(
            f"Mach {number:<6} {per_time:8.0f} steps per unit time, "
            f"{per_time / speed:9.0f} while the gas crosses the box"
        )


def trajectories(n, repeats):
    """21 snapshots of the default configuration, certificate and all."""
    one = pde_data.GenerateConfig(grid=(n, n), trajectories=1 + max(repeats, 8))
    eight = dataclasses.replace(one, batch=8)
    for scheme in ("muscl", "weno5z", "aweno5z"):
        config = dataclasses.replace(one, scheme=scheme)
        first = once(lambda c=config: pde_data.simulate_trajectory(c, 0))
        steps, seconds = [], []
        for index in range(1, 1 + repeats):
            start = time.perf_counter(), time.process_time()
            steps.append(pde_data.simulate_trajectory(config, index).num_steps)
            now = time.perf_counter(), time.process_time()
            seconds.append((now[0] - start[0], now[1] - start[1]))
        wall, cpu = np.median(seconds, axis=0)
        rate = np.sum(steps) * n * n / np.sum(seconds, axis=0) / 1e6
        print(
            f"{scheme}, {config.precision}: median {wall:.2f} s ({cpu:.2f} of cores), "
            f"{np.median(steps):.0f} steps, {rate[0]:.2f}e6 updates/s ({rate[1]:.2f} "
            f"per core); the first, with compiling, {first}",
            flush=True,
        )
        if scheme == "muscl":
            run = once(
                lambda: [
                    s.density for _, s in simulate_trajectories(eight, range(1, 9))
                ]
            )
            print(f"  eight as a batch: {run.wall / 8:.2f} s each ({run.cpu / 8:.2f})")


def accuracy(path):
    """Error of the isentropic vortex against core-seconds, as a plot."""
    import matplotlib.pyplot as plt

    from pde_data import exact

    figure, ax = plt.subplots(figsize=(6, 4.2), layout="constrained")
    sizes = {
        "muscl": (32, 64, 128, 256),
        "weno5z": (32, 64, 128),
        "aweno5z": (16, 32, 64, 128),
    }
    styles = {"muscl": "o-", "weno5z": "s-.", "aweno5z": "^--"}
    for scheme, cells in sizes.items():
        points = []
        for n in cells:
            with jax.enable_x64(True):
                grid = pde_data.Grid((n, n), 10.0)
                x, y = grid.centers()
                density, u, v, p = map(jnp.asarray, exact.isentropic_vortex(x, y))
                solver = pde_data.CompressibleNavierStokes(
                    grid, 5 / 3, **pde_data.SCHEMES[scheme]
                )
                start = pde_data.Primitive(density, (u, v), p)
                end = pde_data.simulate(solver, start, [0.0, 2.0]).density[-1]
                expected = exact.isentropic_vortex((x - 2) % 10, (y - 2) % 10)[0]
                error = float(np.mean(np.abs(np.asarray(end) - expected)))
                cost = min(
                    once(
                        lambda s=solver, w=start: pde_data.simulate(s, w, [0.0, 2.0])
                    ).cpu
                    for _ in range(3)
                )
            points.append((cost, error))
            print(f"{scheme:8} {n:4}²  {cost:8.3f} core-s  L1 {error:.2e}", flush=True)
        ax.loglog(*zip(*points, strict=True), styles[scheme], label=scheme)
        for (cost, error), n in zip(points, cells, strict=True):
            ax.annotate(
                f"{n}²", (cost, error), (4, 4), textcoords="offset points", fontsize=8
            )
    ax.set_xlabel("core-seconds")
    ax.set_ylabel("L1 error of density")
    ax.set_title("Isentropic vortex, side 10, t = 2, float64", fontsize=10)
    ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(path, dpi=100)
    print(f"{path}: done.")


PARTS = {
    "rates": rates,
    "compiling": compiling,
    "scaling": scaling,
    "batches": batches,
    "mach": mach,
    "trajectories": trajectories,
}


def main():
    """Print the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=128, help="along each axis")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=[*PARTS, "accuracy"])
    parser.add_argument("--plot", default="cost_per_accuracy.png")
    options = parser.parse_args()
    print(machine())
    for name in options.only or [*PARTS, "accuracy"]:
        print(f"-- {name}")
        if name == "accuracy":
            accuracy(options.plot)
        else:
            PARTS[name](options.cells, options.repeats)


if __name__ == "__main__":
    main()
