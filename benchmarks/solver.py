"""Speed of the solver: cell updates a second, against NumPy and the memory's speed.

python benchmarks/solver.py [--cells 128] [--repeats 5]
"""

# 128², medians of 5. 2 AMD EPYC cores shared with other jobs (load 5 to 9: figures
# are lower bounds), JAX 0.10.2, 2026-11-22. M/s: 1e6 cell updates a second. The WENO
# schemes have their positivity limiter and three stages, MUSCL none and two.
#                         float32 inviscid  viscous   float64 inviscid  viscous  compile
#   muscl                          20.2      14.3               7.5       8.6     1-4 s
#   weno5z                          2.5       2.7               1.4        -      6-8 s
#   aweno5z                         1.7       2.6                -         -      12 s
#   NumPy, same MUSCL-HLLC          1.56, so the ratio is 12.9
# MUSCL without `materialised`: 1.4 to 2.9 (viscous), measured on the quieter machine.

import argparse
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import pde_data


def median_time(run, repeats):
    """The median of `repeats` timed calls, after one that is not timed."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


@eqx.filter_jit
def _steps(solver, state, number):
    def body(_, state):
        step = solver.stable_step(state)
        return solver.step(state, step, jnp.zeros((), step.dtype))

    return jax.lax.fori_loop(0, number, body, state)


def update_rate(solver, number, repeats):
    """Cell updates a second (one step with all its stages is one update), compile."""
    start = pde_data.initial.random_fourier(solver, jax.random.key(0), mach=0.1)
    state = solver.gas.conserved(start)
    begin = time.perf_counter()
    jax.block_until_ready(_steps(solver, state, 1))
    compiled = time.perf_counter() - begin
    seconds = median_time(
        lambda: jax.block_until_ready(_steps(solver, state, number)), repeats
    )
    return solver.grid.num_cells * number / seconds, compiled


def numpy_rate(cells, repeats):
    """MUSCL-MC, HLLC, inviscid, two stages, written plainly in NumPy, float32."""
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

    return cells**2 / median_time(step, repeats)


def copy_bandwidth(repeats):
    """Bytes a second, read plus written, of a copy far larger than the caches."""
    source = np.ones(2**26 // 4, np.float32)
    target = np.empty_like(source)
    return 2 * source.nbytes / median_time(lambda: np.copyto(target, source), repeats)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=128, help="along each axis")
    parser.add_argument("--repeats", type=int, default=5, help="of each timing")
    options = parser.parse_args()
    n, repeats = options.cells, options.repeats
    plain = numpy_rate(n, repeats)
    print(f"NumPy, MUSCL-HLLC, inviscid, float32    {plain / 1e6:7.2f} M/s")
    rates = {}
    for dtype in ("float32", "float64"):
        for name in ("muscl", "weno5z", "aweno5z"):
            for viscosity in (0.0, 0.01):
                with jax.enable_x64(dtype == "float64"):
                    solver = pde_data.CompressibleNavierStokes(
                        (n, n),
                        5 / 3,
                        viscosity,
                        viscosity,
                        **pde_data.SCHEMES[name],
                    )
                    rate, compiled = update_rate(solver, 20, repeats)
                rates[dtype, name, viscosity] = rate
                print(
                    f"{name:8} {dtype} viscosity {viscosity:<5}          "
                    f"{rate / 1e6:7.2f} M/s  compile {compiled:4.1f} s",
                    flush=True,
                )
    inviscid = rates["float32", "muscl", 0.0]
    # Two stages; each reads and writes the four conserved variables once.
    floor = copy_bandwidth(repeats) / (2 * 8 * 4)
    print(f"MUSCL over NumPy                        {inviscid / plain:7.1f} x")
    print(f"memory-traffic floor over MUSCL         {floor / inviscid:7.1f} x")

    config = pde_data.GenerateConfig(grid=(n, n))
    pde_data.simulate_trajectory(config, 0)
    seconds, steps = [], []
    for index in range(1, 1 + repeats):
        begin = time.perf_counter()
        steps.append(pde_data.simulate_trajectory(config, index).num_steps)
        seconds.append(time.perf_counter() - begin)
    rate = np.sum(steps) * n * n / np.sum(seconds)
    print(
        f"trajectory, 21 snapshots, Mach 0.1, eta = zeta = 0.01: median "
        f"{np.median(seconds):.1f} s, {np.median(steps):.0f} steps; "
        f"{rate / 1e6:.2f} M/s with certificate"
    )


if __name__ == "__main__":
    main()
