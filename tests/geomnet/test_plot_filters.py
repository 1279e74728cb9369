"""Pictures of banks: right numbers of cells and arrows in a handful of artists."""

import io
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.quiver import Quiver

from geomnet import (
    filter_basis,
    hyperoctahedral,
    isotropic,
    kernel_basis,
    plot,
    rotations,
    traceless,
)

LINE, SQUARE, CUBE = hyperoctahedral(1), hyperoctahedral(2), hyperoctahedral(3)
SPACES = [
    filter_basis(SQUARE, "0+", 3),
    filter_basis(SQUARE, "0-", 5),
    filter_basis(SQUARE, "1+", 2),
    filter_basis(SQUARE, "1-", 5),
    filter_basis(SQUARE, "2+", 3),
    filter_basis(SQUARE, "3-", 2),
    kernel_basis(SQUARE, "1-", "1+", 3),
    filter_basis(CUBE, "0+", 3),
    filter_basis(CUBE, "1+", 3),
    filter_basis(rotations(3), "2s+", 2),
    filter_basis(LINE, "1+", 5),
    isotropic(filter_basis(SQUARE, "1-", 5)),
    traceless(filter_basis(SQUARE, "2s+", 3)),
]


def artists(figure, kind):
    return [a for a in figure.axes[0].collections if type(a) is kind]


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_every_entry_is_drawn_once_in_a_few_artists(space):
    figure = plot.filters(space)
    assert len(figure.axes) == 1
    axes = figure.axes[0]
    assert len(axes.collections) + len(axes.lines) <= 9, "one artist per kind of mark"
    order = sum(t.order for t in space.types)
    d = len(space.window)
    if order == 1:
        [quiver] = artists(figure, Quiver)
        flat = space.array[..., : min(d, 2)]
        assert np.abs(flat).any(axis=-1).sum() == quiver.N
    else:
        [squares] = artists(figure, PolyCollection)
        assert len(squares.get_paths()) == np.count_nonzero(space.array)
    figure.savefig(io.BytesIO(), dpi=40)


def test_arrows_point_where_the_vectors_do():
    bank = filter_basis(SQUARE, "1-", 3)
    [quiver] = artists(plot.filters(bank), Quiver)
    drawn = np.stack([quiver.U, quiver.V], axis=1)
    expected = bank.array[np.abs(bank.array).any(axis=-1)].astype(float)
    cosine = (drawn * expected).sum(axis=1)
    cosine /= np.linalg.norm(drawn, axis=1) * np.linalg.norm(expected, axis=1)
    np.testing.assert_allclose(cosine, 1)


def test_the_sign_is_the_colour_and_parity_the_palette():
    def colours(text, size):
        figure = plot.filters(filter_basis(SQUARE, text, size))
        [squares] = artists(figure, PolyCollection)
        rgba: Any = squares.get_facecolor()
        return {tuple(colour) for colour in rgba[:, :3].round(2).tolist()}

    even, odd = colours("2+", 3), colours("0-", 5)
    assert len(even) == len(odd) == 2
    assert not even & odd


def test_marks_say_plus_minus_turn_and_depth():
    def marks(bank):
        return len(artists(plot.filters(bank), PathCollection))

    assert marks(filter_basis(SQUARE, "0+", 3)) == 1, "plus alone"
    assert marks(filter_basis(SQUARE, "0-", 5)) == 2, "left and right turns"
    assert marks(filter_basis(CUBE, "1+", 3)) == 3, "a ring, and towards or away"


def test_captions_are_the_formulas():
    figure = plot.filters(filter_basis(SQUARE, "1-", 3))
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert texts[0].startswith("2 filters of type 1− (pseudovector), 3×3")
    assert texts.count(r"$(- y, \; x)$") == 2
    assert any("rotated gradient" in text for text in texts)
    plain = plot.filters(filter_basis(SQUARE, "1-", 3), captions=False)
    assert len(plain.axes[0].texts) == 1
    scaled = plot.filters(filter_basis(SQUARE, "1+", 2))
    assert any(r"\propto" in t.get_text() for t in scaled.axes[0].texts)


def test_an_empty_bank_says_so_and_a_long_one_is_cut_with_a_word():
    empty = plot.filters(filter_basis(SQUARE, "0-", 3))
    assert [t.get_text() for t in empty.axes[0].texts][1] == "none"
    cut = plot.filters(filter_basis(SQUARE, "1+", 5), max_filters=4, columns=2)
    assert cut.axes[0].texts[0].get_text().startswith("4 of 6 filters")
    assert artists(cut, Quiver)[0].N == 4 * 3 + 8


def test_a_whole_bank_takes_a_moment():
    bank = filter_basis(SQUARE, "2+", 5)
    plot.filters(bank)
    start = time.perf_counter()
    plot.filters(bank).savefig(io.BytesIO(), dpi=100)
    # The bar is 1 s; the shared machine of the tests is up to five times slower.
    assert time.perf_counter() - start < 5


def test_bad_columns_are_refused():
    with pytest.raises(ValueError, match="`columns` must be 1 or more"):
        plot.filters(SPACES[0], columns=0)


def test_matplotlib_is_loaded_by_drawing_only():
    code = (
        "import sys, geomnet as gn\n"
        "assert 'matplotlib' not in sys.modules\n"
        "gn.plot.filters(gn.filter_basis(gn.hyperoctahedral(2), '1+', 3))\n"
        "assert 'matplotlib' in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules, 'no global figures'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
