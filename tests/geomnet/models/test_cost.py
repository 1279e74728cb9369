"""What a model costs, against numbers worked out by hand."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import geomnet as gn
from geomnet.__main__ import main
from geomnet.models import cost, count_flops, count_parameters

SQUARE = gn.hyperoctahedral(2)
KEY = jax.random.key(0)


def test_a_linear_layer_costs_what_its_definition_says():
    """Two scalars to three: 6 weights and 3 biases, on 5 samples of 24 cells."""
    layer = gn.nn.Linear(SQUARE, "2x0+", "3x0+", key=KEY)
    found = cost(layer, (4, 6), batch=5)
    cells = 5 * 24
    assert found.parameters == 9
    (row,) = found.layers
    assert (row.path, row.layer, row.parameters) == ("Linear", "Linear", 9)
    assert row.output_bytes == 4 * 3 * cells
    # A product and a sum for each weight, a sum for each bias; and in each call the
    # matrix is put together, less than ten operations for each weight.
    assert 0 <= row.flops - cells * (2 * 6 + 3) <= 5 * 10 * 6
    forward, step = found.forward, found.train_step
    assert forward.argument_bytes == 4 * (9 + 2 * cells)
    assert forward.output_bytes == 4 * 3 * cells
    assert step is not None
    # Weights with two moments and one counter; samples and truths.
    assert step.argument_bytes == 4 * (3 * 9 + 1 + 2 * cells + 3 * cells)
    assert step.flops > 2 * forward.flops
    sizes = (step.argument_bytes, step.output_bytes, step.temporary_bytes)
    assert step.peak_bytes == sum(sizes)


def test_a_convolution_costs_what_its_definition_says():
    """3x3 between scalars: middle, edge and corner weights and a bias; 9 products and
    8 sums in each cell, and one sum for the bias.
    """
    layer = gn.nn.Conv(SQUARE, "0+", "0+", key=KEY)
    found = cost(layer, (4, 6), batch=2)
    assert found.parameters == 3 + 1
    assert found.forward.argument_bytes == 4 * (4 + 2 * 24)
    (row,) = found.layers
    assert row.output_bytes == 4 * 2 * 24
    assert 0 <= row.flops - 2 * 24 * (9 + 8 + 1) <= 2 * 10 * 9
    assert row.flops == 2 * count_flops(layer, (4, 6))
    # Twice the batch is twice the field, and the same weights.
    more = cost(layer, (4, 6), batch=4).forward
    assert more.argument_bytes - found.forward.argument_bytes == 4 * 2 * 24


def test_rows_are_the_layers_in_the_order_of_calls_and_nothing_is_run():
    def build():
        return gn.UNet(SQUARE, "0+", "0+", hidden="1x0+", depth=1, key=KEY)

    shapes = eqx.filter_eval_shape(build)
    found = cost(shapes, (4, 4))
    paths = [row.path for row in found.layers]
    assert paths[0] == "lift"
    assert paths[-1] == "project"
    assert paths.index("downs[0]") < paths.index("bottom") < paths.index("ups[0]")
    assert sum(row.parameters for row in found.layers) == count_parameters(shapes)
    assert all(row.path in str(found) for row in found.layers)
    assert json.loads(found.to_json()) == found.to_dict()


def test_a_model_without_parameters_has_no_train_step():
    found = cost(gn.Persistence("0+", "0+"), (4, 4))
    assert found.train_step is None
    assert found.parameters == 0
    assert "train step" not in str(found)


@pytest.mark.parametrize(
    ("grid", "batch", "text"),
    [
        (8, 1, r"such as \(8, 8\), got 8"),
        ((8,), 1, r"`grid` must have 2 sides, got \(8,\)"),
        ((8.0, 8), 1, r"must hold the cells along each axis"),
        ((8, 8), 0, "`batch` must be a positive integer, got 0"),
    ],
)
def test_wrong_inputs_are_refused_with_the_mend(grid, batch, text):
    layer = gn.nn.Linear(SQUARE, "0+", "0+", key=KEY)
    with pytest.raises((TypeError, ValueError), match=text):
        cost(layer, grid, batch=batch)


def test_what_does_not_say_what_it_takes_is_refused():
    with pytest.raises(TypeError, match="`model` must have `group`"):
        cost(jnp.sin, (4, 4))


def test_the_command_prints_the_cost_of_a_saved_model(tmp_path, capsys):
    file, report = tmp_path / "model.eqx", tmp_path / "cost.json"
    net = gn.ResNet(SQUARE, "0+", "0+", hidden="0+", num_blocks=1, key=KEY)
    gn.save(net, file)
    given = ["--grid", "4", "--batch", "2", "--json", str(report)]
    assert main(["cost", str(file), *given]) == 0
    assert "on 4x4 cells, batch 2" in capsys.readouterr().out
    assert json.loads(report.read_text())["batch"] == 2
    assert main(["cost", str(file), "--grid", "4", "4", "4"]) == 2
    assert "`grid` must have 2 sides" in capsys.readouterr().err
