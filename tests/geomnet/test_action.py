"""The group action on images: a homomorphism, exact, with the physics' signs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import geomnet as gn
from geomnet._group import determinants

ALL_TYPES = "a:0+ b:2x0- c:1+ d:1- e:2+ f:2s-"


def random_image(signature: str, grid: tuple[int, ...], seed: int = 0):
    rng = np.random.default_rng(seed)
    features = gn.Signature(signature).features(len(grid))
    array = rng.standard_normal((*grid, features)).astype(np.float32)
    return gn.GeometricImage(signature, array)


@pytest.mark.parametrize("grid", [(5,), (3, 4), (2, 3, 4)])
def test_the_action_is_a_homomorphism_bit_for_bit(grid):
    group = gn.hyperoctahedral(len(grid))
    image = random_image(ALL_TYPES, grid)
    rng = np.random.default_rng(1)
    for _ in range(12):
        g, h = group.elements[rng.integers(group.order, size=2)].astype(int)
        np.testing.assert_array_equal(
            gn.act(g, gn.act(h, image)).array, gn.act(g @ h, image).array
        )


def test_the_identity_does_nothing_and_inverses_undo():
    group, image = gn.hyperoctahedral(2), random_image(ALL_TYPES, (3, 4))
    np.testing.assert_array_equal(
        gn.act(np.eye(2, dtype=int), image).array, image.array
    )
    for g in group.elements:
        back = gn.act(g.T, gn.act(g, image))
        np.testing.assert_array_equal(back.array, image.array)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_each_type_moves_by_its_definition(d):
    """`(g·T)(g x) = det(g)^[parity -] g⊗…⊗g T(x)`, cell by cell, by explicit loops."""
    grid = (2, 3, 4)[:d]
    image = random_image("s:0+ p:0- v:1+ w:1- t:2+", grid)
    group = gn.hyperoctahedral(d)
    old = {name: np.asarray(view) for name, view in image.fields().items()}
    for g, det in zip(group.elements.astype(int), determinants(group), strict=True):
        moved = gn.act(g, image)
        new = {name: np.asarray(view) for name, view in moved.fields().items()}
        new_grid = tuple(np.abs(g) @ np.array(grid))
        assert moved.grid == new_grid
        for cell in np.ndindex(*grid):
            # Twice the offset from the centre, so that it is whole.
            offset = 2 * np.array(cell) - (np.array(grid) - 1)
            there = tuple((g @ offset + np.array(new_grid) - 1) // 2)
            here = {name: view[cell][0] for name, view in old.items()}
            expected = {
                "s": here["s"],
                "p": det * here["p"],
                "v": g @ here["v"],
                "w": det * g @ here["w"],
                "t": g @ here["t"] @ g.T,
            }
            for name, value in expected.items():
                np.testing.assert_array_equal(new[name][there][0], value)


def test_the_action_is_the_same_inside_a_trace():
    image = random_image(ALL_TYPES, (3, 4))
    for g in gn.hyperoctahedral(2).elements[::3]:
        traced = jax.jit(lambda image, g=g: gn.act(g, image))(image)
        np.testing.assert_array_equal(traced.array, gn.act(g, image).array)


def test_a_mirror_turns_a_vortex_the_other_way():
    """Reflecting a swirling flow reverses its vorticity: why vorticity is 0-."""
    x, y = np.meshgrid(*2 * (np.arange(8) - 3.5,), indexing="ij")
    swirl = jnp.asarray(np.stack([-y, x], axis=-1))
    image = gn.GeometricImage.from_fields(
        "v:1+ w:0-", {"v": swirl, "w": jnp.full((8, 8), 2.0)}, 2
    )
    mirrored = gn.act([[-1, 0], [0, 1]], image)
    np.testing.assert_array_equal(mirrored["v"], -image["v"])
    np.testing.assert_array_equal(mirrored["w"], -image["w"])


def test_leading_batch_axes_are_kept():
    batch = random_image("s:0+ v:1+", (4, 6))
    stacked = gn.GeometricImage(batch.signature, jnp.stack([batch.array] * 3), 2)
    g = [[0, -1], [1, 0]]
    np.testing.assert_array_equal(gn.act(g, stacked).array[1], gn.act(g, batch).array)


@settings(deadline=None, max_examples=20)
@given(st.sampled_from([(5,), (4, 3), (2, 1, 3)]), st.data())
def test_sizes_of_tensors_are_kept(grid, data):
    """The action is orthogonal: it permutes components and changes signs."""
    group = gn.hyperoctahedral(len(grid))
    g = group.elements[data.draw(st.integers(0, group.order - 1))]
    image = random_image("v:1+ t:2+", grid)
    moved = gn.act(g, image)
    for name in ("v", "t"):
        before, after = (
            np.sort(
                np.square(np.asarray(i[name])).reshape(np.prod(grid), -1), axis=None
            )
            for i in (image, moved)
        )
        np.testing.assert_array_equal(before, after)


def test_what_is_no_element_is_refused():
    image = random_image("0+", (4, 4))
    with pytest.raises(ValueError, match="signed permutation"):
        gn.act([[1, 1], [0, 1]], image)
    with pytest.raises(ValueError, match="acts in 3 dimensions"):
        gn.act(np.eye(3, dtype=int), image)
