"""The plain twins of equal components, of equal parameters, of equal arithmetic."""

import equinox as eqx
import jax
import pytest

import geomnet as gn
from geomnet.models import count_flops
from geomnet.models._twin import _nearest_width

SQUARE = gn.hyperoctahedral(2)


def unet(hidden="4x0+ 4x1+"):
    return gn.UNet(SQUARE, "0+ 1+", "0+", hidden=hidden, depth=1, key=jax.random.key(0))


def flow_unet():
    flow = gn.Signature("density:0+ velocity:1+")
    inside = "2x0+ 2x1+ 1x0-"
    return gn.UNet(
        SQUARE, 2 * flow, flow, hidden=inside, depth=1, key=jax.random.key(0)
    )


def resnet(group=SQUARE):
    options = {"hidden": "4x0+ 4x1+", "num_blocks": 1, "key": jax.random.key(0)}
    return gn.ResNet(group, "0+ 1+", "0+", **options)


def plain(model, width, grid):
    """What a twin of some width takes, from its shapes alone."""
    group = gn.trivial(len(grid))
    build = lambda: model.like(  # noqa: E731
        group=group, hidden=f"{width}x0+", key=jax.random.key(0)
    )
    return count_flops(eqx.filter_eval_shape(build), grid)


def check_nearest(model, grid):
    width = gn.twin(model, "flops", grid=grid).hidden.features(len(grid))
    wanted = count_flops(model, grid)
    off = [abs(plain(model, width + n, grid) - wanted) for n in (-1, 0, 1)]
    assert off[1] == min(off)


def test_twin_of_equal_components_has_as_many_numbers_in_each_cell():
    model = flow_unet()
    plain = gn.twin(model)
    assert plain.group == gn.trivial(2)
    assert plain.hidden.features(2) == model.hidden.features(2)
    assert gn.models.count_parameters(plain) > 3 * gn.models.count_parameters(model)


def test_twin_of_equal_parameters_is_the_nearest_there_is():
    model = flow_unet()
    wanted = gn.models.count_parameters(model)

    def parameters(width):
        build = lambda: model.like(  # noqa: E731
            group=gn.trivial(2), hidden=f"{width}x0+", key=jax.random.key(0)
        )
        return gn.models.count_parameters(eqx.filter_eval_shape(build))

    plain = gn.twin(model, match="parameters")
    width = plain.hidden.features(2)
    off = abs(gn.models.count_parameters(plain) - wanted)
    assert off <= min(abs(parameters(width + n) - wanted) for n in (-1, 1))


def test_twin_of_an_unknown_kind_is_refused():
    model = flow_unet()
    for unknown in ("flop", "width", ""):
        with pytest.raises(Exception, match="match"):
            gn.twin(model, match=unknown)  # pyright: ignore


def test_twin_of_equal_arithmetic_is_the_nearest_there_is():
    check_nearest(resnet(), (16, 8))


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 3])
def test_twin_of_equal_arithmetic_is_the_nearest_in_other_dimensions(d):
    check_nearest(resnet(gn.hyperoctahedral(d)), (8,) * d)


@pytest.mark.slow
def test_reduced_convolutions_make_the_twin_of_equal_arithmetic_narrower():
    """On a large grid a CPU does less than the dense arithmetic, on a small one not."""
    model = unet("8x0+ 8x1+")
    check_nearest(model, (64, 64))
    components = gn.twin(model).hidden.features(2)
    large, small = (
        gn.twin(model, "flops", grid=grid).hidden.features(2) for grid in (None, (4, 4))
    )
    parameters = gn.twin(model, "parameters").hidden.features(2)
    assert parameters < large < components
    assert small > large


def test_a_match_that_no_width_comes_near_is_refused_with_both_numbers():
    """The kernels between what goes in and comes out are there at any width."""
    options = {"hidden": "1x0+", "modes": 3, "key": jax.random.key(0)}
    model = gn.Propagator(SQUARE, "4x0+ 4x1+", "4x0+ 4x1+", **options)
    with pytest.raises(ValueError, match=r"as many parameters as .* with 1 hidden"):
        gn.twin(model, "parameters")
    assert gn.twin(model).hidden == gn.Signature("1x0+")


def test_the_search_finds_the_nearest_width_wherever_it_starts():
    for measure in (lambda n: n, lambda n: 3 * n * n + 50 * n, lambda n: n**3):
        for best in (1, 2, 3, 10, 47):
            for start in (1, 2, 9, 100):
                near = measure(best) + 0.4 * (measure(best + 1) - measure(best))
                found = _nearest_width(measure, near, start)
                assert found == (best, measure(best))


def test_arithmetic_is_counted_as_multiplications_and_additions():
    layer = gn.nn.Conv(
        gn.trivial(2), "2x0+", "3x0+", use_bias=False, key=jax.random.key(0)
    )
    # One multiplication and one addition for each tap, cell and pair of channels;
    # what assembles the kernel is the same on every grid.
    more = count_flops(layer, (12, 5)) - count_flops(layer, (6, 5))
    assert more == 2 * 9 * 30 * 6
    assert count_flops(gn.Persistence("0+", "0+"), (4, 4)) == 0


def test_a_grid_that_does_not_fit_is_refused():
    model = unet("1x0+")
    with pytest.raises(ValueError, match="must be multiples of 2"):
        gn.twin(model, "flops", grid=(5, 4))
    with pytest.raises(ValueError, match="2 sides"):
        gn.twin(model, "flops", grid=(4, 4, 4))
    with pytest.raises(ValueError, match="leave it out"):
        gn.twin(model, "parameters", grid=(4, 4))
