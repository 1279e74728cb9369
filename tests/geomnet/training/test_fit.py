"""The training step, the order of batches, and exact resume from a checkpoint."""

import itertools
import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet import training

from . import small_run

FLOW = gn.Signature("s:0+ v:1+")
pytestmark = pytest.mark.usefixtures("optax_promotes")


@pytest.fixture(scope="module")
def problem():
    """A start, its compiled step, and data."""
    group = gn.hyperoctahedral(2)
    model = gn.nn.Conv(group, FLOW, FLOW, key=jax.random.key(0))
    optimiser = training.make_optimiser(
        learning_rate=0.2, total_steps=40, warmup_steps=4, weight_decay=1e-3
    )

    def loss(model, batch):
        inputs, targets = batch
        return training.smse(jax.vmap(model)(inputs), targets).mean()

    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((12, 4, 4, 3)).astype(np.float32)
    # What the network can learn: minus twice the input, one cell to either side.
    targets = -2 * (np.roll(inputs, 1, 1) + np.roll(inputs, -1, 1))
    targets += -2 * (np.roll(inputs, 1, 2) + np.roll(inputs, -1, 2))

    def take(numbers: np.ndarray):
        return tuple(
            gn.GeometricImage(FLOW, part[numbers], 2) for part in (inputs, targets)
        )

    def start():
        return training.start_training(model, optimiser, key=jax.random.key(7))

    return start, training.make_train_step(loss, optimiser), take


def run(problem, state, num_steps: int):
    _, step, take = problem
    order = training.batches(12, 5, key=state.key, start=int(state.num_steps))
    losses = []
    for numbers in itertools.islice(order, num_steps):
        state, loss = step(state, take(numbers))
        losses.append(float(loss))
    return state, losses


def test_training_lowers_the_loss(problem):
    state, losses = run(problem, problem[0](), 40)
    assert losses[-1] < 0.05 * losses[0]
    assert int(state.num_steps) == 40


def test_resuming_from_a_checkpoint_is_bit_for_bit_the_uninterrupted_run(
    problem, tmp_path
):
    """Model, optimiser, step, key and the order of the data: all of it is there."""
    whole, losses = run(problem, problem[0](), 9)
    half, first = run(problem, problem[0](), 4)
    path = tmp_path / "run.checkpoint"
    training.save_checkpoint(path, half, {"note": "half way"})
    restored, metadata = training.load_checkpoint(path, problem[0]())
    assert metadata == {"note": "half way"}
    assert training.read_metadata(path) == metadata
    resumed, second = run(problem, restored, 5)
    assert first + second == losses
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(resumed), strict=True):
        if jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        np.testing.assert_array_equal(a, b)


def test_a_checkpoint_of_another_model_is_refused(problem, tmp_path):
    path = tmp_path / "run.checkpoint"
    training.save_checkpoint(path, problem[0]())
    other = gn.nn.Conv(gn.hyperoctahedral(2), FLOW, FLOW, 5, key=jax.random.key(0))
    with pytest.raises(ValueError, match="not a checkpoint of this state"):
        training.load_checkpoint(path, other)
    path.write_text("hello")
    with pytest.raises(ValueError, match="not a checkpoint"):
        training.load_checkpoint(path, problem[0]())
    with pytest.raises(FileNotFoundError):
        training.load_checkpoint(tmp_path / "none", problem[0]())


def test_an_interrupted_save_leaves_the_checkpoint_before(
    problem, tmp_path, monkeypatch
):
    path = tmp_path / "run.checkpoint"
    training.save_checkpoint(path, problem[0](), {"step": 1})

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        training.save_checkpoint(path, problem[0](), {"step": 2})
    assert json.loads(path.read_bytes().splitlines()[0]) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


class Data:
    """Windows that may be interrupted."""

    def __init__(self, take, stop_after: int | None = None):
        self.take_all, self.left = take, stop_after

    def __len__(self) -> int:
        return 12

    def take(self, numbers: np.ndarray):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        return self.take_all(numbers)


def fit(take, path=None, stop_after=None, **changes):
    def loss(model, batch):
        return training.smse(jax.vmap(model)(batch[0]), batch[1]).mean()

    settings = {"num_steps": 30, "batch_size": 5, "key": jax.random.key(7)} | changes
    return training.fit(
        gn.nn.Conv(gn.hyperoctahedral(2), FLOW, FLOW, key=jax.random.key(0)),
        loss,
        Data(take, stop_after),
        training.make_optimiser(learning_rate=0.1, total_steps=30),
        validation=Data(take),
        validate_every=20,
        checkpoint=path,
        metadata={"run": 1},
        **settings,
    )


def test_a_run_interrupted_by_ctrl_c_goes_on_to_the_same_model(
    problem, tmp_path, capsys
):
    _, _, take = problem
    path = tmp_path / "run.checkpoint"
    whole, history = fit(take)
    assert [step for step, _ in history["training"]] == [10, 20, 30]
    assert [step for step, _ in history["validation"]] == [20, 30]
    assert history["seconds_per_step"] > 0
    with pytest.raises(training.Interrupted, match=r"step 13 of 30.*run\.checkpoint"):
        fit(take, path, stop_after=13)
    resumed, _ = fit(take, path)
    assert "going on from step 13" in capsys.readouterr().out
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(resumed), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_loss_that_is_not_finite_stops_the_run(problem):
    def broken(numbers):
        inputs, targets = problem[2](numbers)
        return inputs, targets * float("nan")

    with pytest.raises(FloatingPointError, match="smaller learning rate"):
        fit(broken)


def test_every_sample_comes_once_per_epoch_in_a_new_order():
    order = training.batches(10, 4, key=jax.random.key(0))
    seen = np.concatenate(list(itertools.islice(order, 5)))
    epochs = seen.reshape(2, 10)
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(10))
    assert not np.array_equal(epochs[0], epochs[1])


def test_the_batch_of_a_step_depends_on_key_and_step_alone():
    def batch(seed: int, start: int) -> np.ndarray:
        return next(training.batches(100, 8, key=jax.random.key(seed), start=start))

    whole = list(itertools.islice(training.batches(100, 8, key=jax.random.key(1)), 30))
    np.testing.assert_array_equal(batch(1, 29), whole[29])
    assert not np.array_equal(batch(2, 29), whole[29])


def test_the_learning_rate_warms_up_and_decays_to_zero():
    optimiser = training.make_optimiser(
        learning_rate=0.1, total_steps=10, warmup_steps=4, weight_decay=0.0
    )
    weight, gradient = jnp.zeros(()), jnp.ones(())
    state, steps = optimiser.init(weight), []
    for _ in range(11):
        update, state = optimiser.update(gradient, state, weight)
        steps.append(-float(jnp.asarray(update)))
    # Adam's step on a constant gradient is the learning rate.
    np.testing.assert_allclose(steps[:5], [0, 0.025, 0.05, 0.075, 0.1], atol=1e-6)
    assert all(a > b for a, b in itertools.pairwise(steps[4:]))
    assert steps[-1] < 1e-8


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"warmup_steps": 10}, "warmup_steps"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"gradient_clip": -1.0}, "gradient_clip"),
        ({"weight_decay": -1e-5}, "`weight_decay` must be 0 or more, got -1e-05"),
        ({"weight_decay": float("nan")}, "`weight_decay` must be 0 or more"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(settings, named):
    with pytest.raises(ValueError, match=named):
        training.make_optimiser(**{"learning_rate": 0.1, "total_steps": 10} | settings)


def test_batches_larger_than_the_data_are_refused():
    with pytest.raises(ValueError, match="batch_size"):
        next(training.batches(3, 4, key=jax.random.key(0)))


def test_evaluation_counts_every_window_once():
    class Windows:
        """Seven windows whose error is their number."""

        def __len__(self) -> int:
            return 7

        def take(self, numbers):
            values = np.broadcast_to(
                numbers[:, None, None, None], (len(numbers), 2, 2, 1)
            ).astype(np.float32)
            image = gn.GeometricImage("0+", values, 2)
            return image, image * 0.0

    value = training.evaluate(
        lambda image: image, Windows(), {"smse": training.smse}, batch_size=4
    )
    # The mean of the squares of 0..6: the last batch is filled up, but not counted.
    np.testing.assert_allclose(value["smse"], np.mean(np.arange(7) ** 2), rtol=1e-6)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="GPUs have this precision")
def test_a_precision_that_the_backend_lacks_is_refused_before_a_loss_is_traced():
    def loss(model, batch):
        raise AssertionError("traced")

    windows = small_run.Windows()
    with jax.default_matmul_precision("TF32_TF32_F32"):
        with pytest.raises(ValueError, match="backend cpu lacks: set 'highest'"):
            small_run.fit(loss=loss)
        with pytest.raises(ValueError, match="backend cpu lacks"):
            training.evaluate(
                small_run.linear(), windows, {"smse": training.smse}, batch_size=4
            )
    with jax.default_matmul_precision("BF16_BF16_F32_X3"):
        small_run.fit(num_steps=1)
