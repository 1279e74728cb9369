"""Pictures can be read in grey and by the colour-blind, and every axis has a name.

What a dichromat sees is the model of Machado, Oliveira and Fernandes (2009,
doi:10.1109/TVCG.2009.113); how far colours are apart is CIELAB's distance of 1976, in
which 2.3 is just noticeable, and how light they are its L, from 0 to 100.
"""

import inspect
import itertools
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb, to_rgba

import geomnet as gn
import pde_data.plot
from geomnet.plot import _tiles
from geomnet.plot._styles import BEYOND, STYLES, style
from pde_data.verification import _report

# Linear RGB as seen without the red, green or blue cones.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def seen(colours: Any, sight: str) -> np.ndarray:
    """Colours (..., 3) in sRGB as L, a, b of who sees so."""
    rgb = np.asarray(colours, float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.transpose(SIGHTS[sight]), 0, 1)
    t = linear @ TO_XYZ.T / TO_XYZ.sum(1)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def steps(name: str) -> np.ndarray:
    return matplotlib.colormaps[name](np.linspace(0, 1, 256))[:, :3]


def apart(a: Any, b: Any) -> np.ndarray:
    return np.linalg.norm(a - b, axis=-1)


def bad_sequence(colours: np.ndarray, sight: str) -> bool:
    """Whether it does not grow lighter, or hardly."""
    light = seen(colours, sight)[:, 0]
    return bool((np.diff(light) <= 0).any() or np.ptp(light) < 60)


def bad_signs(colours: np.ndarray, sight: str) -> bool:
    """Whether zero is not the lightest, or the two signs of a number look alike."""
    found, half = seen(colours, sight), len(colours) // 2
    light = found[:, 0]
    falls = (np.diff(light[:half]) > 0).all() and (np.diff(light[half:]) < 0).all()
    quarter = half // 2
    signs = apart(found[:quarter], found[::-1][:quarter])
    return bool(not falls or signs.min() < 20)


@pytest.mark.parametrize("sight", SIGHTS)
def test_maps_of_colours_are_ordered_by_lightness(sight):
    assert not bad_sequence(steps("viridis"), sight)
    assert not bad_signs(steps("RdBu_r"), sight)
    # A rainbow has no order, and red is green to some.
    assert bad_sequence(steps("jet"), sight)
    assert bad_signs(steps("viridis"), sight)


def test_red_and_green_signs_would_be_seen():
    rows = [np.linspace(to_rgb(end), (1, 1, 1), 128) for end in ("#7a7a00", "#8f6a00")]
    assert bad_signs(np.concatenate([rows[0], rows[1][::-1]]), "deuteranopia")


def hidden(name: str, above: str, below: str, sight: str) -> bool:
    """Whether what lies beyond a map looks like something in it, or like the other."""
    ends = seen([to_rgb(above), to_rgb(below)], sight)
    inside = min(apart(seen(steps(name), sight), end).min() for end in ends)
    return bool(min(inside, apart(*ends)) < 15)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("name", BEYOND)
def test_what_lies_beyond_a_map_looks_like_nothing_in_it(name, sight):
    assert not hidden(name, *BEYOND[name], sight)
    assert hidden(name, "gold", "cyan", "protanopia")


def test_both_packages_have_the_same_colours():
    assert pde_data.plot._BEYOND == BEYOND
    used = {pde_data.plot._scale(n, np.ones(2))[0] for n in pde_data.plot.QUANTITIES}
    assert used == set(BEYOND)


def alike(styles: Any) -> list[Any]:
    """Pairs of curves that are told apart by their colours alone, or hardly by them."""
    wrong = []
    for a, b in itertools.combinations(styles, 2):
        same = a["linestyle"] == b["linestyle"] and a["marker"] == b["marker"]
        near = [
            apart(*seen([to_rgb(a["color"]), to_rgb(b["color"])], s)) for s in SIGHTS
        ]
        if same or (min(near) < 15 and a["marker"] == b["marker"]):
            wrong.append((a, b))
    return wrong


def test_curves_are_told_apart_without_their_colours():
    assert alike(STYLES) == []
    assert alike([*_report._STYLES.values(), _report._OTHER]) == []
    assert alike([style(i) for i in range(49)]) == []
    assert alike([STYLES[0], {**STYLES[0], "color": "red"}])
    assert alike([{**STYLES[0], "color": "C0"}, {**STYLES[0], "marker": "o"}])


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("pair", [_tiles.EVEN_COLOURS, _tiles.ODD_COLOURS])
def test_the_signs_of_filters_have_colours_besides_their_marks(pair, sight):
    assert apart(*seen([to_rgb(c) for c in pair], sight)) > 40


def frames() -> gn.GeometricImage:
    array = np.random.default_rng(0).standard_normal((2, 6, 4, 3))
    return gn.GeometricImage("s:0+ v:1+", array.astype(np.float32))


def flow(dimensions: int, folder: Any) -> Any:
    import h5py

    grid = (6, 5, 4)[:dimensions]
    path = folder / f"{dimensions}.hdf5"
    with h5py.File(path, "w") as file:
        for name in ["density", "pressure", *("Vx", "Vy", "Vz")[:dimensions]]:
            file[name] = 1 + np.random.default_rng(0).random((1, 2, *grid))
        for axis, n in zip("xyz", grid, strict=False):
            file[f"{axis}-coordinate"] = (np.arange(n) + 0.5) / n
        file["t-coordinate"] = np.arange(2.0)
    return pde_data.load(path)


def draw_flows(draw: Any, folder: Any, ending: str) -> None:
    for d in (1, 2, 3):
        with flow(d, folder) as opened:
            draw(opened, folder / f"{d}.{ending}")


def field(folder: Any) -> Any:
    figure, axes = plt.subplots()
    one = frames().with_array(frames().array[0])
    figure.colorbar(gn.plot.field(axes, one, "v"), label="speed")


STATE = (np.ones((4, 4)), np.ones((4, 4, 2)), np.ones((4, 4)))
ERRORS = {"a": np.ones((2, 3)), "b": np.ones((2, 3))}
DRAWN = {
    "geomnet.plot.animation": lambda folder: gn.plot.animation(
        folder / "a.gif", frames(), {"net": frames()}, "v", dots_per_inch=20
    ),
    "geomnet.plot.data_efficiency": lambda _: gn.plot.data_efficiency(
        {"a": {2: [1.0, 2.0]}, "b": {2: [1.0], 4: [0.5]}}
    ),
    "geomnet.plot.error_bands": lambda _: gn.plot.error_bands(ERRORS),
    "geomnet.plot.error_growth": lambda _: gn.plot.error_growth(
        {str(i): [1.0, 2.0] for i in range(9)}
    ),
    "geomnet.plot.field": field,
    "geomnet.plot.filters": lambda _: gn.plot.filters(
        gn.filter_basis(gn.hyperoctahedral(2), "1+", 3)
    ),
    "geomnet.plot.learning_curves": lambda _: gn.plot.learning_curves(
        {name: {"training": [(1, 1.0), (2, 0.5)]} for name in "ab"}
    ),
    "geomnet.plot.rollouts": lambda _: gn.plot.rollouts(
        frames(), {"net": frames()}, [0, 1]
    ),
    "geomnet.plot.spectra": lambda _: gn.plot.spectra(np.arange(3), ERRORS),
    "pde_data.plot.animate": lambda folder: draw_flows(
        pde_data.plot.animate, folder, "gif"
    ),
    "pde_data.plot.draw_gallery": lambda folder: pde_data.plot.draw_gallery(
        {name: STATE for name in "abc"},
        (1.0, 1.0),
        folder / "gallery.png",
        periodic=dict.fromkeys("abc", (True, True)),
        columns=2,
    ),
    "pde_data.plot.draw_snapshots": lambda folder: draw_flows(
        pde_data.plot.draw_snapshots, folder, "png"
    ),
}
NO_PICTURES = {"pde_data.plot.quantity"}


def unnamed(figure: Any) -> list[str]:
    """Axes without a name, of their own or of one in the same row or column."""
    shown = [a for a in figure.axes if a.axison and a.get_visible()]
    wrong = []
    for axes in shown:
        if hasattr(axes, "_colorbar"):
            if not (axes.get_xlabel() or axes.get_ylabel()):
                wrong.append("a bar of colours")
            continue
        place = axes.get_subplotspec()
        beside = [a for a in shown if a.get_gridspec() is axes.get_gridspec()]
        column = [a for a in beside if a.get_subplotspec().colspan == place.colspan]
        row = [a for a in beside if a.get_subplotspec().rowspan == place.rowspan]
        wrong += [] if any(a.get_xlabel() for a in column) else ["x"]
        wrong += [] if any(a.get_ylabel() for a in row) else ["y"]
    return wrong


def same_looks(figure: Any) -> list[Any]:
    """Curves of one axes that have a name and differ in nothing but their colours."""
    wrong = []
    for axes in figure.axes:
        styles = [
            {"color": n.get_color(), "linestyle": n.get_linestyle(), "marker": m}
            | {"linestyle": (n.get_linestyle(), str(n._unscaled_dash_pattern))}
            for n in axes.lines
            if not n.get_label().startswith("_") and (m := n.get_marker())
        ]
        wrong += alike(styles)
    return wrong


@pytest.mark.parametrize("name", DRAWN)
def test_every_axis_has_a_name_and_every_curve_its_looks(name, tmp_path, monkeypatch):
    plt.close("all")
    kept: list[Any] = []
    monkeypatch.setattr(plt, "close", lambda figure=None: None)
    result = DRAWN[name](tmp_path)
    kept = [plt.figure(number) for number in plt.get_fignums()]
    kept += [] if kept else [result]
    monkeypatch.undo()
    drawn = [figure for figure in kept if figure.axes]
    assert drawn
    for figure in drawn:
        assert unnamed(figure) == []
        assert same_looks(figure) == []
    plt.close("all")


def test_every_function_that_draws_is_held_to_it():
    found = {
        f"{module.__name__}.{name}"
        for module in (gn.plot, pde_data.plot)
        for name, value in vars(module).items()
        if inspect.isfunction(value) and not name.startswith("_")
        if value.__module__.startswith(module.__name__)
    }
    assert found - NO_PICTURES == set(DRAWN)


def test_axes_without_a_name_and_curves_alike_would_be_seen():
    figure, axes = plt.subplots(1, 2)
    axes[0].set(xlabel="x", ylabel="y")
    assert unnamed(figure) == ["x"]
    for colour in ("C0", "C1"):
        axes[0].plot([1, 2], color=to_rgba(colour), label=colour)
    assert same_looks(figure)
    plt.close(figure)
