"""`certify`, its report, models rebuilt from checkpoints, and the command line."""

import json
import subprocess
import sys
import types

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import geomnet as gn
from geomnet.__main__ import main
from geomnet.models import describe_model, rebuild_model
from geomnet.testing import certify, perturb
from geomnet.testing._command import _grid, load_model
from geomnet.training import fit, save_checkpoint, start_training

SQUARE = gn.hyperoctahedral(2)
KEY = jax.random.key(0)


LINE = gn.hyperoctahedral(1)


class Tiny(eqx.Module):
    """Two layers: what a report says of more takes only longer to compile."""

    linear: gn.nn.Linear
    gate: gn.nn.Gate
    group: gn.Group = eqx.field(static=True, default=SQUARE)
    in_signature: str = eqx.field(static=True, default="0+ 1+")

    def __call__(self, image):
        return self.gate(self.linear(image))


@pytest.fixture(scope="module")
def model():
    # One dimension compiles fastest, and has one grid only.
    return gn.UNet(LINE, "0+ 1+", "0+ 1+", hidden="0+ 1+", depth=0, key=KEY)


@pytest.fixture(scope="module")
def report():
    tiny = Tiny(
        gn.nn.Linear(SQUARE, "0+ 1+", "0+ 1+", key=KEY),
        gn.nn.Gate(SQUARE, "0+ 1+", key=KEY),
    )
    return certify(tiny, (4, 4), ("float32", "bfloat16", "float64"))


def test_a_report_holds_every_state_grid_dtype_element_and_layer(report):
    assert report.passed
    assert [(c.stage, c.grid, c.dtype) for c in report.checks] == [
        (stage, grid, dtype)
        for stage, dtype in (
            ("as given", "float32"),
            ("noise on every leaf", "float32"),
            ("after an AdamW step", "float32"),
            ("after EMA", "float32"),
            ("cast to bfloat16", "bfloat16"),
            ("cast to float64", "float64"),
        )
        for grid in ((4, 4), (4, 8))
    ]
    assert all(len(check.errors) == 8 for check in report.checks)
    assert report.translation == 1
    # In double precision the errors are those of double precision.
    assert report.checks[-1].worst.relative < 1e-13
    paths = {layer.path for layer in report.checks[0].layers}
    assert paths == {"linear", "gate", "Tiny"}
    # As text and as JSON.
    text = str(report)
    assert text.startswith("Tiny commutes with hyperoctahedral(2), 8 elements")
    assert "cast to bfloat16" in text
    found = json.loads(report.to_json())
    assert found == json.loads(json.dumps(report.to_dict()))
    assert found["passed"] is True
    assert len(found["checks"]) == 12
    assert len(found["checks"][0]["errors"]) == 8


def test_the_states_of_training_differ(model):
    from geomnet.testing._training_states import training_states

    image = gn.random_image("0+ 1+", (4,), key=KEY)
    states = dict(training_states(model, image, 0))
    for leaves in zip(*map(jax.tree.leaves, states.values()), strict=True):
        arrays = [np.asarray(leaf) for leaf in leaves]
        for a in range(len(arrays)):
            for b in range(a):
                assert np.all(arrays[a] != arrays[b])


def test_a_model_without_parameters_and_its_group():
    report = certify(np.negative, (3, 4), (), group=SQUARE, in_signature="1+")
    assert report.passed
    assert [check.stage for check in report.checks] == ["as given"] * 2
    assert [check.grid for check in report.checks] == [(3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"in_signature": None}, "`in_signature` is needed"),
        ({"grid": (4,)}, "must have 2 sides"),
        ({"group": None}, "`group` is not given"),
        ({"dtypes": "flaot16"}, "`dtypes` must name .* got 'flaot16'"),
        ({"dtypes": ("int8",)}, "`dtypes` must name .* got 'int8'"),
    ],
)
def test_wrong_arguments_say_what_to_do(arguments, message):
    given = {"grid": (4, 4), "group": SQUARE, "in_signature": "0+", **arguments}
    with pytest.raises(ValueError, match=message):
        certify(lambda x: x, **given)


@pytest.mark.parametrize(
    "group", [SQUARE, gn.Group.from_generators([[[0, 1], [1, 0]]])], ids=str
)
@pytest.mark.parametrize("residual", [False, True])
def test_a_model_is_rebuilt_from_its_description(group, residual):
    model = eqx.filter_eval_shape(
        lambda key: gn.UNet(
            group, "2x0+ 2x1+", "0+ 1+", hidden="0+ 1+", depth=0, key=key
        ),
        KEY,
    )
    model = gn.Residual(model) if residual else model
    description = json.loads(json.dumps(describe_model(model)))
    rebuilt = eqx.filter_eval_shape(rebuild_model, description)
    assert jax.tree.structure(rebuilt) == jax.tree.structure(model)
    assert [a.shape for a in jax.tree.leaves(rebuilt)] == [
        a.shape for a in jax.tree.leaves(model)
    ]


@pytest.mark.parametrize("name", ["UNet", "ResNet", "DilatedResNet"])
def test_every_model_of_ours_is_rebuilt(name):
    slip = gn.nn.Boundary.SLIP
    boundary = (gn.nn.Boundary.PERIODIC, (slip, slip))

    def build(key):
        return getattr(gn.models, name)(
            gn.reflections(2),
            "0+ 1+",
            "0+ 1+",
            hidden="0+ 1+",
            boundary=boundary,
            key=key,
        )

    model = eqx.filter_eval_shape(build, KEY)
    description = json.loads(json.dumps(describe_model(model)))
    rebuilt = eqx.filter_eval_shape(rebuild_model, description)
    assert jax.tree.structure(rebuilt) == jax.tree.structure(model)


def test_descriptions_that_do_not_fit_say_so():
    with pytest.raises(ValueError, match=r"none of DilatedResNet, .*classes=\[Gate\]"):
        describe_model(gn.nn.Gate(SQUARE, "0+ 1+", key=jax.random.key(0)))
    with pytest.raises(ValueError, match='must have a "class"'):
        rebuild_model({"class": "os"})
    with pytest.raises(ValueError, match="does not fit UNet"):
        rebuild_model({"class": "UNet", "group": "hyperoctahedral(2)"})


def test_the_command_certifies_a_training_state(model, tmp_path, capsys):
    trained = perturb(model, key=jax.random.key(5))
    state = start_training(trained, optax.adam(1e-3), key=jax.random.key(0))
    path = tmp_path / "state.eqx"
    save_checkpoint(path, state, {"model": describe_model(model)})
    out = tmp_path / "report.json"
    arguments = ["certify", str(path), "--grid", "4", "--dtypes", "float32"]
    assert main([*arguments, "--json", str(out)]) == 0
    assert "UNet commutes" in capsys.readouterr().out
    saved = json.loads(out.read_text())
    # The numbers are the checkpoint's, not a new model's.
    assert load_model(path).lift.conv.kernel.weights.tolist() == (
        trained.lift.conv.kernel.weights.tolist()
    )
    assert saved["passed"] is True


def test_the_command_fails_for_a_broken_model(model, tmp_path, monkeypatch, capsys):
    def broken(self, image):
        return original(self, image).with_array(
            jnp.roll(original(self, image).array, 1, 0)
        )

    original = gn.nn.Conv.__call__
    monkeypatch.setattr(gn.nn.Conv, "__call__", broken)
    path = tmp_path / "model.eqx"
    save_checkpoint(path, model, {"model": describe_model(model)})
    assert main(["certify", str(path), "--grid", "4", "--dtypes", "float32"]) == 1
    out = capsys.readouterr().out
    assert "DOES NOT COMMUTE" in out
    assert "first guilty layer: `lift.conv` (Conv)" in out


def test_the_command_explains_what_it_can_not_read(model, tmp_path, capsys):
    path = tmp_path / "old.eqx"
    save_checkpoint(path, model, {})
    assert main(["certify", str(path)]) == 2
    assert "describe_model" in capsys.readouterr().err
    assert main(["certify", str(tmp_path / "none.eqx")]) == 2
    assert "There is no file" in capsys.readouterr().err
    assert main(["certify", str(tmp_path)]) == 2
    assert "There is no file" in capsys.readouterr().err
    path.write_text("[1, 2]\n")
    assert main(["certify", str(path)]) == 2
    assert "is not a checkpoint" in capsys.readouterr().err
    path.write_bytes(bytes(range(256)))
    assert main(["certify", str(path)]) == 2
    assert "is not a checkpoint" in capsys.readouterr().err


def test_a_checkpoint_of_fit_is_read_and_a_part_of_it_refused(model, tmp_path, capsys):
    class Windows:
        def __len__(self):
            return 2

        def take(self, numbers):
            return gn.GeometricImage("0+ 1+", jnp.ones((len(numbers), 4, 2)), 1)

    def loss(model, images):
        return jnp.mean(jnp.square(jax.vmap(model)(images).array))

    path = tmp_path / "run.eqx"
    described = {"model": describe_model(model)}
    trained, _ = fit(
        model,
        loss,
        Windows(),
        optax.sgd(1e-3, momentum=0.9),
        num_steps=1,
        batch_size=2,
        key=KEY,
        checkpoint=path,
        metadata=described,
    )
    loaded = load_model(path)
    for a, b in zip(*map(jax.tree.leaves, (trained, loaded)), strict=True):
        np.testing.assert_array_equal(a, b)
    whole = path.read_bytes()
    # Behind the model, inside it, and in the first line.
    for part, message in ((0.9, "cut off or"), (0.4, "not a"), (0.01, "not a")):
        path.write_bytes(whole[: int(part * len(whole))])
        assert main(["certify", str(path)]) == 2
        assert message in capsys.readouterr().err


def test_importing_geomnet_needs_no_test_tools():
    code = (
        "import sys, geomnet.testing; "
        "print([m for m in ('pytest', 'hypothesis', 'matplotlib', 'h5py', 'scipy') "
        "if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("claim", [{"depth": 12}, {"dilations": (1, 10**9), "size": 3}])
def test_grids_that_only_a_file_asks_for_are_bounded(claim):
    network = types.SimpleNamespace(group=SQUARE, **claim)
    with pytest.raises(ValueError, match="say that it is meant by `--grid`"):
        _grid(network, None)
    assert _grid(network, [8]) == (8, 8)
    assert _grid(types.SimpleNamespace(group=SQUARE, depth=4), None) == (32, 32)


def test_places_for_reports_are_looked_at_before_the_work(model, tmp_path, capsys):
    path = tmp_path / "model.eqx"
    save_checkpoint(path, model, {"model": describe_model(model)})
    for place in (tmp_path, tmp_path / "none" / "report.json"):
        assert main(["certify", str(path), "--json", str(place)]) == 2
        assert "`--json`" in capsys.readouterr().err
