"""Pictures of flows along one, two and three axes."""

import h5py
import matplotlib.pyplot as plt
import numpy as np
import pytest

import pde_data
from pde_data.plot import _show, animate, draw_snapshots, quantity


@pytest.fixture(params=[(32,), (16, 12), (8, 12, 10)], ids=["1D", "2D", "3D"])
def flow(request, tmp_path, random):
    grid = request.param
    path = tmp_path / "flow.hdf5"
    with h5py.File(path, "w") as file:
        for name in ["density", "pressure", *("Vx", "Vy", "Vz")[: len(grid)]]:
            file[name] = random.uniform(1, 2, (2, 3, *grid))
        for axis, n in zip("xyz", grid, strict=False):
            file[f"{axis}-coordinate"] = (np.arange(n) + 0.5) / n
        file["t-coordinate"] = np.arange(3.0)
    with pde_data.load(path) as flow:
        yield flow


def test_flows_along_any_number_of_axes_are_drawn(flow, tmp_path):
    picture = draw_snapshots(flow, tmp_path / "flow.png", trajectory=1, number=2)
    film = animate(flow, tmp_path / "flow.gif", name="speed")
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert film.read_bytes()[:3] == b"GIF"


def test_what_cannot_be_drawn_is_refused_by_name(flow, tmp_path):
    with pytest.raises(ValueError, match=r"`trajectory` must be from 0 to 1, got 2"):
        draw_snapshots(flow, tmp_path / "flow.png", trajectory=2)
    with pytest.raises(ValueError, match=r"`path` must end in one of .*\.png"):
        draw_snapshots(flow, tmp_path / "flow.txt")
    with pytest.raises(ValueError, match=r"`number` must be at least 1"):
        draw_snapshots(flow, tmp_path / "flow.png", number=0)
    with pytest.raises(ValueError, match="`name` must be one of density, pressure"):
        animate(flow, tmp_path / "flow.gif", name="enstrophy")
    with pytest.raises(ValueError, match=r"`path` must end in \.gif"):
        animate(flow, tmp_path / "flow.unknown")


@pytest.mark.parametrize("d", [2, 3])
def test_a_rigid_rotation_has_vorticity_two_and_no_divergence(d):
    x = np.meshgrid(*[np.linspace(0, 1, 6)] * d, indexing="ij")
    velocity = np.stack([-x[1], x[0], *[0 * x[0]] * (d - 2)], axis=-1)[None]
    state = (np.ones((1, *x[0].shape)), velocity, np.ones((1, *x[0].shape)))
    spacing = [0.2] * d
    np.testing.assert_allclose(quantity("vorticity", *state, spacing), 2)
    np.testing.assert_allclose(quantity("divergence", *state, spacing), 0, atol=1e-12)


def test_derivatives_wrap_round_periodic_axes_alone():
    x, y = np.meshgrid(*[(np.arange(32) + 0.5) / 32] * 2, indexing="ij")
    one, angle = np.ones((1, 32, 32)), 2 * np.pi * x
    # A wave along the periodic axis, a jump from end to end along the closed one.
    velocity = np.stack([np.sin(angle), y], axis=-1)[None]
    found = quantity("divergence", one, velocity, one, [1 / 32] * 2, [True, False])
    expected = np.cos(angle) * np.sin(2 * np.pi / 32) * 32 + 1
    np.testing.assert_allclose(found[0], expected, atol=1e-12)


def test_a_line_has_no_vorticity():
    state = (np.ones((1, 6)), np.ones((1, 6, 1)), np.ones((1, 6)))
    with pytest.raises(ValueError, match="for a flow along 1 axis"):
        quantity("vorticity", *state, [0.1])


@pytest.mark.parametrize(
    ("low", "high", "extend"),
    [(-1, 1, "neither"), (-1, 9, "max"), (-9, 1, "min"), (-9, 9, "both")],
)
def test_cells_beyond_the_colours_are_marked_and_axes_named(flow, low, high, extend):
    if flow.num_spatial_dims != 2:
        pytest.skip("a map")
    values = np.random.default_rng(0).choice([-1.0, 1.0], (100, *flow.grid))
    values[0, 0, 0], values[0, 1, 0] = low, high
    figure, axes = plt.subplots()
    image = _show(axes, flow, values[0], "vorticity", values)
    assert figure.colorbar(image).extend == extend
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    assert image.get_extent() == pytest.approx([0, 1, 0, 1])
    plt.close(figure)
