"""Runs: who they are, that their state is looked at, and whatever `fit` can train."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import geomnet as gn
from geomnet import training
from geomnet.training import _file, _fit

ROOT = Path(__file__).parents[3]
SQUARE = gn.hyperoctahedral(2)
FLOW = gn.Signature("s:0+ v:1+")
KEY = jax.random.key(0)
ADAM = optax.adam(1e-2)
ARRAYS = np.random.default_rng(0).standard_normal((8, 4, 4, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def _optax_promotes():
    """Optax mixes integers and floats on purpose."""
    with jax.numpy_dtype_promotion("standard"):
        yield


class Windows:
    """Images and minus twice of them."""

    def __init__(self, arrays=ARRAYS):
        self.arrays = arrays

    def __len__(self) -> int:
        return len(self.arrays)

    def take(self, numbers) -> Any:
        image = gn.GeometricImage(FLOW, self.arrays[numbers], 2)
        return image, image * -2.0


def loss(model, batch):
    *inputs, targets = batch
    return training.smse(jax.vmap(model)(*inputs), targets).mean()


def linear(seed: int = 0):
    return gn.nn.Linear(SQUARE, FLOW, FLOW, key=jax.random.key(seed))


def fit(path=None, **changes):
    given = {
        "model": linear(),
        "loss": loss,
        "windows": Windows(),
        "optimiser": ADAM,
        "num_steps": 6,
        "batch_size": 4,
        "key": KEY,
        "metadata": {"grid": (4, 4)},
        "checkpoint": path,
    }
    return training.fit(**given | changes)


# Identity.


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


# What is looked at.


def rooted(model, batch):
    """Its value is finite everywhere, its gradient not at zero."""
    weights = model.kernel.weights
    return loss(model, batch) + jnp.sqrt(jnp.square(weights - weights).sum())


@pytest.mark.parametrize("num_steps", [1, 3])
def test_a_state_that_is_not_finite_is_neither_saved_nor_returned(tmp_path, num_steps):
    path = tmp_path / "a"
    with pytest.raises(FloatingPointError) as found:
        fit(path, loss=rooted, num_steps=num_steps)
    text = str(found.value)
    if num_steps == 1:
        assert "`state.model.kernel.weights` of 'training' is not finite" in text
        assert "after step 1: 2 of 2 numbers" in text
    assert "No checkpoint of this run has been written." in text
    assert not path.exists()
    with pytest.raises(FloatingPointError):
        fit(loss=rooted, num_steps=num_steps)


def test_the_file_before_stays(tmp_path, monkeypatch):
    path = tmp_path / "a"
    fit(path, num_steps=2)
    before = path.read_bytes()
    monkeypatch.setattr(training._metrics, "jnp", _RootedNumPy())
    jax.clear_caches()
    with pytest.raises(FloatingPointError, match="a holds step 2"):
        fit(path, num_steps=3)
    jax.clear_caches()
    assert path.read_bytes() == before


class _RootedNumPy:
    """`jax.numpy` whose mean has a gradient that is not finite."""

    def __getattr__(self, name):
        return getattr(jnp, name)

    def square(self, x):
        return jnp.square(x) + jnp.sqrt(jnp.abs(x - x))


def test_nrmse_has_gradient_zero_at_a_perfect_prediction():
    target = gn.GeometricImage(FLOW, jnp.asarray(ARRAYS[0]), 2)

    def error(array):
        return training.nrmse(target.with_array(array), target)

    value, gradient = jax.value_and_grad(error)(target.array)
    assert float(value) == 0.0
    np.testing.assert_array_equal(gradient, 0.0)
    nothing = target * 0.0
    assert float(training.nrmse(nothing, nothing)) == 0.0
    # Elsewhere it is what it was, with its slope.
    step = 1e-2 * jnp.ones_like(target.array)
    slope = jax.grad(error)(target.array + step)
    expected = np.sqrt(np.square(1e-2 * np.ones(48)).sum() / np.square(ARRAYS[0]).sum())
    np.testing.assert_allclose(error(target.array + step), expected, rtol=1e-4)
    assert np.isfinite(slope).all()
    assert np.all(np.asarray(slope) > 0)


def test_training_on_nrmse_stays_at_a_perfect_prediction():
    class Done(Windows):
        def take(self, numbers):
            image = gn.GeometricImage(FLOW, self.arrays[numbers], 2)
            return image, jax.vmap(linear())(image)

    def relative(model, batch):
        return training.nrmse(jax.vmap(model)(batch[0]), batch[1]).mean()

    model, _ = fit(loss=relative, windows=Done(), optimiser=optax.sgd(0.1), num_steps=2)
    np.testing.assert_allclose(model.kernel.weights, linear().kernel.weights, atol=0.1)


def test_data_that_are_not_finite_are_named_and_not_the_learning_rate():
    arrays = ARRAYS.copy()
    arrays[5, 1, 2, 0] = np.nan
    with pytest.raises(FloatingPointError) as found:
        fit(windows=Windows(arrays), num_steps=4)
    text = str(found.value)
    assert "is nan at step" in text
    assert "windows [5], `batch[0].array`" in text
    assert "learning rate does not help" in text


def test_a_run_that_diverges_is_told_the_learning_rate():
    with pytest.raises(FloatingPointError, match="Use a smaller learning rate"):
        fit(optimiser=optax.sgd(1e18), num_steps=10)


# Whose arrays.


def test_the_callers_key_and_model_stay_usable():
    key, model = jax.random.key(3), linear(3)
    first, _ = fit(key=key, model=model)
    second, _ = fit(key=key, model=model)
    assert eqx.tree_equal(first, second)
    np.testing.assert_array_equal(jax.random.key_data(key), [0, 3])


OPTIMISERS = {
    "prodigy": optax.contrib.prodigy,
    "mechanize": lambda: optax.contrib.mechanize(optax.sgd(1e-2)),
    "sam": lambda: optax.contrib.sam(optax.sgd(1e-2), optax.sgd(1e-1)),
    "reduce_on_plateau": lambda: optax.chain(
        optax.sgd(1e-2), optax.contrib.reduce_on_plateau(patience=1)
    ),
    "polyak_sgd": optax.polyak_sgd,
    "MultiSteps": lambda: optax.MultiSteps(
        optax.sgd(1e-2), 2
    ).gradient_transformation(),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers_that_keep_the_weights_or_ask_for_the_loss(name, tmp_path):
    """They train, and go on from a checkpoint bit for bit."""
    optimiser = OPTIMISERS[name]()
    given = {"optimiser": optimiser, "windows": Windows()}
    whole, history = fit(**given, num_steps=12)
    fit(tmp_path / "a", **given, num_steps=5)
    resumed, _ = fit(tmp_path / "a", **given, num_steps=12)
    assert eqx.tree_equal(whole, resumed)
    assert history["training"][-1][1] < history["training"][0][1]


def test_lbfgs_gets_the_loss():
    # The line search that compiles fastest; the default one is a slow test.
    search = optax.scale_by_backtracking_linesearch(4)
    _, history = fit(optimiser=optax.lbfgs(linesearch=search), num_steps=12)
    assert history["training"][-1][1] < 0.1 * history["training"][0][1]


@pytest.mark.slow
def test_line_searches_get_the_loss():
    for optimiser in (
        optax.lbfgs(),
        optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(8)),
        optax.contrib.sam(
            optax.sgd(1e-2),
            optax.chain(optax.contrib.normalize(), optax.sgd(1e-1)),
            opaque_mode=True,
        ),
    ):
        _, history = fit(optimiser=optimiser, num_steps=20)
        assert history["training"][-1][1] < 0.9 * history["training"][0][1]


def test_weights_are_frozen_by_labels():
    model = linear()
    trainable = eqx.filter(model, eqx.is_inexact_array)
    labels = eqx.tree_at(
        lambda m: m.kernel.weights, jax.tree.map(lambda _: "on", trainable), "off"
    )
    parts: dict[Hashable, Any] = {"on": optax.sgd(1e-2), "off": optax.set_to_zero()}
    optimiser = optax.multi_transform(parts, lambda _: labels)
    trained, _ = fit(optimiser=optimiser, windows=Windows(ARRAYS + 1))
    np.testing.assert_array_equal(trained.kernel.weights, model.kernel.weights)
    assert not eqx.tree_equal(trained, model)
    # Labels shaped like the model are called as the model is: the mend is named.
    with pytest.raises(ValueError, match=r"`optimiser` can't begin.*lambda _: labels"):
        fit(optimiser=optax.multi_transform(parts, labels))


def test_a_step_is_compiled_once_for_all_fits():
    def settings():
        return training.make_optimiser(learning_rate=1e-2, total_steps=10)

    traced = []

    def counted(model, batch):
        traced.append(1)
        return loss(model, batch)

    for seed in range(3):
        fit(model=linear(seed), loss=counted, optimiser=settings(), num_steps=2)
    assert len(traced) == 1
    assert settings() is settings()
    # And is let go of with all that JAX keeps.
    jax.clear_caches()
    fit(loss=counted, optimiser=settings(), num_steps=1)
    assert len(traced) == 2


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


# Models that take more, or less, than an image.


class Conditioned(eqx.Module):
    """An image, times a number."""

    linear: gn.nn.Linear

    def __call__(self, image, parameters):
        return self.linear(image) * parameters[0]


class Parametrised(Windows):
    """Histories, numbers, and what comes of both."""

    numbers = np.linspace(1, 2, 8, dtype=np.float32)[:, None]

    def take(self, numbers):
        image, _ = super().take(numbers)
        given = self.numbers[numbers]
        return image, given, image.with_array(-image.array * given[:, :, None, None])


def test_conditioned_models_are_validated_measured_and_rolled_out():
    model, history = fit(
        model=Conditioned(linear()),
        windows=Parametrised(),
        validation=Parametrised(),
        optimiser=optax.adam(0.1),
        num_steps=60,
        validate_every=20,
    )
    assert [step for step, _ in history["validation"]] == [20, 40, 60]
    errors = training.evaluate(
        model, Parametrised(), {"smse": training.smse}, batch_size=3
    )
    np.testing.assert_allclose(errors["smse"], history["validation"][-1][1], rtol=1e-4)
    assert errors["smse"] < 0.2 * history["validation"][0][1]
    images, numbers, targets = Parametrised().take(np.arange(2))
    frames = training.predict(model, images, 2, numbers)
    assert frames.array.shape == (2, 2, 4, 4, 3)
    np.testing.assert_allclose(frames.array[:, 0], targets.array, atol=0.5)
    one = training.rollout(model, images.with_array(images.array[0]), 2, numbers[0])
    np.testing.assert_allclose(frames.array[0], one.array, rtol=1e-5)


def test_what_can_not_be_validated_is_found_before_the_first_step(tmp_path):
    for windows in (Parametrised(), Windows(ARRAYS[:0])):
        with pytest.raises((ValueError, TypeError)):
            fit(tmp_path / "a", validation=windows, num_steps=100_000)
    assert not list(tmp_path.iterdir())


class Dropping(eqx.Module):
    """Drops channels in training, and needs a key for it."""

    linear: gn.nn.Linear
    dropout: gn.nn.Dropout

    def __call__(self, image, *, key=None):
        return self.dropout(self.linear(image), key=key)


def test_dropout_is_on_in_training_and_off_in_validation(tmp_path):
    def noisy(model, batch, key):
        images, targets = batch
        keys = jax.random.split(key, len(images.array))
        found = jax.vmap(lambda image, key: model(image, key=key))(images, keys)
        return training.smse(found, targets).mean()

    model = Dropping(linear(), gn.nn.Dropout(SQUARE, FLOW, 0.5))
    given = {"model": model, "loss": noisy, "validation": Windows()}
    whole, history = fit(**given)
    fit(tmp_path / "a", **given, num_steps=2)
    resumed, _ = fit(tmp_path / "a", **given)
    assert eqx.tree_equal(whole, resumed)
    assert whole.dropout.inference is False
    silent = training.evaluate(
        whole.linear, Windows(), {"smse": training.smse}, batch_size=4
    )
    assert history["validation"] == [(6, silent["smse"])]
    images, _ = Windows().take(np.arange(2))
    frames = training.predict(whole, images, 1)
    np.testing.assert_allclose(
        frames.array[:, 0], jax.vmap(whole.linear)(images).array, rtol=1e-6
    )


def test_validation_of_several_steps_is_a_rollout():
    class Several(Windows):
        def take(self, numbers):
            image, _ = super().take(numbers)
            steps = np.stack([(-0.5) ** n * image.array for n in (1, 2, 3)], 1)
            return image, gn.GeometricImage(FLOW, steps, 2)

    def call(model, history):
        return training.rollout(model, history, 3)

    def several(model, batch):
        found = jax.vmap(lambda history: call(model, history))(batch[0])
        return training.smse(found, batch[1]).mean()

    given = {"windows": Several(), "loss": several}
    model, history = fit(**given, validation=Several(), call=call, num_steps=2)
    whole = float(several(model, Several().take(np.arange(8))))
    np.testing.assert_allclose(history["validation"][-1][1], whole, rtol=1e-5)


# When.


def test_validation_is_at_the_steps_that_are_asked_for():
    _, history = fit(validation=Windows(), validate_every=25, num_steps=110)
    assert [step for step, _ in history["validation"]] == [25, 50, 75, 100, 110]
    steps = [step for step, _ in history["training"]]
    assert steps == [10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 100, 110]


def test_slow_steps_are_saved_by_time(tmp_path, monkeypatch):
    class Slow(Windows):
        """The power fails in the fifth step."""

        left = 4

        def take(self, numbers):
            if not self.left:
                raise OSError("power")
            self.left -= 1
            time.sleep(0.02)
            return super().take(numbers)

    monkeypatch.setattr(_fit, "SAVE_EVERY", 0.01)
    with pytest.raises(OSError, match="power"):
        fit(tmp_path / "a", windows=Slow())
    state = training.start_training(linear(), ADAM, key=KEY)
    assert int(training.load_checkpoint(tmp_path / "a", state)[0].num_steps) == 4


def test_places_that_can_not_be_written_are_found_before_the_first_step(tmp_path):
    class Never(Windows):
        def take(self, numbers):
            raise AssertionError("training has begun")

    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "a"):
        with pytest.raises(ValueError, match="`checkpoint`"):
            fit(path, windows=Never())
    fit(tmp_path / "new" / "folder" / "a", num_steps=1)
    assert (tmp_path / "new" / "folder" / "a").is_file()


def test_ctrl_c_on_a_full_disk_leaves_the_file_before(tmp_path, monkeypatch):
    path = tmp_path / "a"
    fit(path, num_steps=2)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    class Late(Windows):
        left = 3

        def take(self, numbers):
            self.left -= 1
            if self.left < 0:
                monkeypatch.setattr(_file.os, "fsync", full)
                raise KeyboardInterrupt
            return super().take(numbers)

    with pytest.raises(training.Interrupted) as stop:
        fit(path, windows=Late())
    monkeypatch.undo()
    text = str(stop.value)
    assert "at step 4 of 6" in text
    assert "not saved: [Errno 28] No space left on device" in text
    assert "a holds step 2" in text
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_the_bar_begins_when_the_first_steps_are_done(capsys):
    fit(progress=True, num_steps=30)
    shown = capsys.readouterr().err
    assert shown.startswith("training: compiling the training step ...")
    assert "30/30" in shown


@pytest.fixture(scope="module")
def outside():
    """Two devices, and no check of types but the library's own."""
    script = Path(__file__).with_name("outside_of_pytest.py")
    flags = "--xla_force_host_platform_device_count=2"
    run = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": flags},
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_runs_over_several_devices_are_gone_on_with(outside):
    assert outside[0] == {"windows": True, "model": True}


def test_wrong_arguments_are_named_with_what_was_given(outside):
    messages = outside[1]
    expected = {
        "optimiser": "TypeError: `optimiser` must be one of optax",
        "step": "TypeError: `optimiser` must be one of optax",
        "loss": "TypeError: `loss` must be a function, got 'smse'",
        "key": "TypeError: `key` must be one random key, `jax.random.key(0)`, got 0",
        "start": "TypeError: `key` must be one random key",
        "order": "TypeError: `key` must be one random key, `jax.random.key(3)`, got 3",
        "windows": "TypeError: `windows` must have a length and `take",
        "validation": "TypeError: `validation` must have a length and `take",
        "no steps": "ValueError: `num_steps` must be a positive integer, got 0",
        "some steps": "ValueError: `num_steps` must be a positive integer, got 2.5",
        "no batch": "ValueError: `batch_size` must be a positive integer, got 0",
        "large batch": "ValueError: `batch_size` must be from 1 to the 8 samples",
        "never": "ValueError: `validate_every` must be a positive integer, got 0",
        "path": "TypeError: `checkpoint` must be the path of a file, got 3",
        "metadata": "TypeError: `metadata['a']['b']` is set, which JSON can't say",
        "words": "TypeError: `metadata` must be a dict",
        "reserved": "ValueError: `metadata` has ['history']",
        "rate": "TypeError: `learning_rate` must be a number, got '1e-3'",
        "decay": "TypeError: `weight_decay` must be a number, got '0'",
        "total": "ValueError: `total_steps` must be a positive integer, got 10.5",
        "warm": "ValueError: `warmup_steps` must be an integer, 0 or more, got '1'",
        "foreign": "ValueError: ",
        "smse": "TypeError: `prediction` must be a GeometricImage, got ndarray",
        "nrmse": "TypeError: `prediction` must be a GeometricImage, got ndarray",
        "rollout": "ValueError: `num_steps` must be a positive integer, got '3'",
        "predict": "ValueError: `num_steps` must be a positive integer, got 2.5",
        "evaluate": "ValueError: `batch_size` must be a positive integer, got 0",
    }
    assert set(messages) == set(expected)
    for name, text in expected.items():
        assert messages[name].startswith(text), messages[name]
    assert "foreign is not a checkpoint" in messages["foreign"]
    assert "codec" not in messages["foreign"]
