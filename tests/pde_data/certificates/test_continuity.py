"""The law of continuity between snapshots, on flows that are known exactly."""

import math

import numpy as np

from pde_data.certificates._continuity import seems_periodic, snapshot_continuity

TIMES = np.linspace(0, 0.25, 6)


def carried(grid, times):
    """Density carried along by a uniform velocity at uniform pressure: exact."""
    x = np.meshgrid(*[(np.arange(n) + 0.5) / n for n in grid], indexing="ij")
    speeds = (0.9, -0.4)
    density = np.empty((len(times), *grid))
    for k, t in enumerate(times):
        first, second = (
            np.sin(2 * np.pi * (j + 1) * (a - u * t))
            for j, (a, u) in enumerate(zip(x, speeds, strict=True))
        )
        density[k] = 1 + 0.2 * first * second + 0.1 * first
    velocity = np.broadcast_to(speeds, (*density.shape, 2))
    return density, velocity, np.ones_like(density)


def test_continuity_is_judged_only_where_snapshots_resolve_it():
    times = TIMES * 40
    density, velocity, pressure = carried((24, 16), times)
    far = snapshot_continuity(
        times, (1.0, 1.0), density, velocity, pressure, periodic=(True, True)
    )
    assert math.isnan(far)


def test_continuity_falls_with_the_fourth_power_of_the_interval():
    x, errors = (np.arange(32) + 0.5) / 32, []
    for count in (6, 11):
        times = np.linspace(0, 0.25, count)
        density = 1 + 0.2 * np.sin(2 * np.pi * (x - 0.9 * times[:, None]))
        velocity = np.full((*density.shape, 1), 0.9)
        pressure = np.ones_like(density)
        errors.append(
            snapshot_continuity(
                times, (1.0,), density, velocity, pressure, periodic=(True,)
            )
        )
    assert 3.5 < math.log2(errors[0] / errors[1]) < 5


def test_continuity_needs_no_knowledge_of_the_boundaries():
    density, velocity, pressure = carried((96, 64), TIMES)
    value = snapshot_continuity(
        TIMES, (1.0, 1.0), density, velocity, pressure, periodic=(False, True)
    )
    assert value < 0.02
    assert seems_periodic(density, 0)
    assert not seems_periodic(density[:, :50], 0)
