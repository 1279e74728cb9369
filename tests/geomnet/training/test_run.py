"""Who a run is: another one is named, and overwrites nothing."""

import json
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import optax
import pytest

import geomnet as gn
from geomnet import training
from geomnet.training import _run

from .small_run import ARRAYS, FLOW, KEY, SQUARE, Windows, fit, linear, loss

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.usefixtures("optax_promotes")


def other_loss(model, batch):
    return 2.0 * loss(model, batch)


OTHERS = {
    "learning rate": (
        {"optimiser": optax.adam(2e-2)},
        r"step_size: -0\.01 in the file",
    ),
    "optimiser": ({"optimiser": optax.sgd(1e-2)}, "optimiser"),
    "batch size": ({"batch_size": 2}, "batch_size: 4 in the file, 2 here"),
    "key": ({"key": jax.random.key(1)}, "key"),
    "data": ({"windows": Windows(1.001 * ARRAYS)}, "data of the first batch"),
    "more data": ({"windows": Windows(ARRAYS[:6])}, "windows: 8 in the file, 6 here"),
    "loss": ({"loss": other_loss}, "loss.loss: loss in the file, other_loss here"),
    "metadata": ({"metadata": {"grid": (4, 8)}}, r"grid\[1\]: 4 in the file, 8 here"),
    "no metadata": ({"metadata": None}, r"grid: \[4, 4\] in the file, none here"),
    "weights": ({"model": linear(1)}, "start"),
    "model": (
        {"model": gn.nn.Conv(SQUARE, FLOW, FLOW, 1, key=KEY)},
        "Linear in the file, Conv here|start",
    ),
    "fewer steps": ({"num_steps": 3}, "it has done 6 steps, more than 3"),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "run.checkpoint"
    with jax.numpy_dtype_promotion("standard"):
        model, _ = fit(path)
    return path, model


@pytest.mark.parametrize("change", OTHERS)
def test_another_run_is_named_and_nothing_is_overwritten(change, finished):
    path, _ = finished
    before = path.read_bytes()
    changes, named = OTHERS[change]
    refused = pytest.raises(training.OtherRun, match=f"not overwritten: .*({named}).*")
    with refused as error:
        fit(path, **changes)
    assert "`restart=True`" in str(error.value)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_same_run_goes_on_whatever_the_words(finished, capsys):
    """JSON gives lists back, and NumPy's numbers are numbers."""
    path, model = finished
    again, _ = fit(
        path, metadata={"grid": np.array([4, 4])}, optimiser=optax.adam(1e-2)
    )
    assert "going on from step 6" in capsys.readouterr().out
    assert eqx.tree_equal(model, again)


def test_an_optimiser_is_the_same_whether_it_has_been_used_or_not(tmp_path):
    """Schedules of optax change the numbers that they hold when they are used."""

    def fresh():
        return optax.adam(optax.cosine_decay_schedule(1e-2, 10))

    used = fresh()
    fit(tmp_path / "a", optimiser=used, num_steps=1)
    fit(tmp_path / "a", optimiser=used, num_steps=2)
    fit(tmp_path / "b", optimiser=used, num_steps=1)
    fit(tmp_path / "b", optimiser=fresh(), num_steps=2)


def test_a_restart_is_meant(finished, tmp_path, capsys):
    path = tmp_path / "a"
    path.write_bytes(finished[0].read_bytes())
    fit(path, optimiser=optax.sgd(1e-2), num_steps=2, restart=True)
    state = training.start_training(linear(), optax.sgd(1e-2), key=KEY)
    assert int(training.load_checkpoint(path, state)[0].num_steps) == 2
    assert "going on" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"precious notes\n", b"{}\n", b"[1]\n"])
def test_files_that_are_no_checkpoints_are_not_overwritten(content, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not overwritten"):
        fit(path, metadata={})
    assert path.read_bytes() == content


def test_data_drawn_anew_at_each_time_are_no_ones(tmp_path):
    class Noisy(Windows):
        random = np.random.default_rng(0)

        def take(self, numbers):
            array = self.arrays[numbers]
            noise = self.random.standard_normal(array.shape).astype(np.float32)
            image = gn.GeometricImage(FLOW, array + noise, 2)
            return image, image * -2.0

    fit(tmp_path / "a", windows=Noisy(), num_steps=2)
    fit(tmp_path / "a", windows=Noisy(), num_steps=4)


def test_a_run_of_the_first_format_goes_on(tmp_path, capsys):
    """The same metadata are all that is known of it."""
    optimiser = optax.adam(1e-2)
    state = training.start_training(linear(), optimiser, key=KEY)
    history = {"training": [], "validation": [], "seconds_per_step": None}
    plain = jax.tree.map(
        lambda x: jax.random.key_data(x) if x.dtype == KEY.dtype else x, state
    )
    with (tmp_path / "a").open("wb") as file:
        file.write((json.dumps({"grid": [4, 4], "history": history}) + "\n").encode())
        eqx.tree_serialise_leaves(file, plain)
    model, _ = fit(tmp_path / "a", optimiser=optimiser)
    assert "going on from step 0" in capsys.readouterr().out
    assert eqx.tree_equal(model, fit()[0])


def test_two_processes_do_not_write_one_checkpoint(tmp_path):
    path = tmp_path / "a"
    script = (
        "import sys, time, pathlib\n"
        "from geomnet.training._file import sole_writer\n"
        "with sole_writer(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, path], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(ValueError, match="another process writes"):
        fit(path)
    with pytest.raises(ValueError, match="another process writes"):
        training.save_checkpoint(path, linear())
    # The lock dies with the process, and what it leaves is no obstacle.
    other.kill()
    other.communicate()
    assert path.with_name("a.lock").exists()
    fit(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


WEIGHT = 1.0


def weighted(model, batch):
    return WEIGHT * loss(model, batch)


def test_a_number_that_the_loss_names_belongs_to_it(tmp_path, monkeypatch):
    """Neither an old compiled step nor an old checkpoint stands for it."""
    path = tmp_path / "a"
    _, before = fit(path, loss=weighted)
    monkeypatch.setattr(sys.modules[__name__], "WEIGHT", 3.0)
    with pytest.raises(training.OtherRun, match=r"WEIGHT: 1\.0 in the file, 3\.0 here"):
        fit(path, loss=weighted)
    _, after = fit(loss=weighted)
    ratio = after["training"][0][1] / before["training"][0][1]
    np.testing.assert_allclose(ratio, 3.0, rtol=1e-2)


def bare_run(path=None) -> _run.Run:
    state = training.start_training(linear(), optax.sgd(1e-2), key=KEY)
    identity = {"start": _run.summary(state.model)}
    return _run.Run("training", state, path, {}, identity)


def test_a_run_that_was_stopped_says_what_it_leaves(tmp_path):
    run = bare_run()
    assert run.stopped(6).endswith(
        "of 'training', not saved: no `checkpoint` was named."
    )
    run = bare_run(tmp_path / "a")
    assert run.stopped(6) == (
        f"Stopped at step 0 of 6 of 'training', saved in {tmp_path / 'a'}."
    )
    # A step has taken its arrays: the file of before is what there is.
    for leaf in jax.tree.leaves(run.state):
        leaf.delete()
    assert run.stopped(6) == (
        "Stopped at step 0 of 6 of 'training', inside of a step, which left nothing to "
        f"save. {tmp_path / 'a'} holds step 0."
    )


def test_a_file_is_told_apart_by_what_it_says_of_its_data():
    """Types and shapes exactly, sizes up to what machines differ by."""
    weights = {"a": np.arange(4.0), "n": 3, "key": KEY, "none": np.zeros((0, 2))}
    mine = _run.summary(weights)
    assert [text for text, *_ in mine] == ["float64[4]", "float64[0, 2]"]
    assert _run.apart(None, mine, "data") == []
    assert _run.apart(json.loads(json.dumps(mine)), mine, "data") == []
    assert _run.apart(_run.summary(np.arange(4.0) * (1 + 1e-6)), mine[:1], "data") == []
    for unread in (3, [["float64[4]", "many", 1.0]], [[1.0]]):
        assert _run.apart(unread, mine, "data") == ["data: not to be read in the file"]
    (line,) = _run.apart(_run.summary(np.arange(4.0) + 1), mine[:1], "data")
    assert line.startswith("data: mean and root mean square 2.5, ")
    found = _run.apart(_run.summary(np.arange(4, dtype=np.float32)), mine[:1], "data")
    assert found == ["data[0]: float32[4] in the file, float64[4] here"]


def test_a_start_that_can_not_be_read_is_another_run(finished, tmp_path):
    """Of a file that someone has written by hand: named, not guessed."""
    state = training.start_training(linear(), optax.adam(1e-2), key=KEY)
    metadata = training.read_metadata(finished[0])
    metadata["fit"]["start"] = "here"
    training.save_checkpoint(tmp_path / "a", state, metadata)
    with pytest.raises(training.OtherRun, match="start: not to be read in the file"):
        fit(tmp_path / "a")
