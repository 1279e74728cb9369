"""Windows with parameters train, measure and roll out a conditioned model."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn

FLOW = gn.Signature("s:0+")
RATES = np.array([0.5, 1.0, 2.0])


class Grown(eqx.Module):
    """The last frame times a power that the parameters decide."""

    factor: jax.Array

    def __call__(self, history, parameters):
        frame = gn.latest_frame(history, FLOW)
        return frame.with_array(frame.array * jnp.exp(self.factor * parameters[0]))


def test_a_conditioned_model_is_trained_measured_and_rolled_out(optax_promotes):
    growth = np.exp(0.5 * RATES[:, None] * np.arange(4))
    frames = np.tile(growth[:, :, None, None, None], (1, 1, 4, 4, 1)).astype(np.float32)
    windows = gn.Windows(FLOW, frames, past=1, parameters={"a": RATES})
    metrics = {
        "smse": gn.training.smse,
        "3 steps": gn.training.RolloutMetric(gn.training.nrmse, 3),
    }
    trained, history = gn.training.fit(
        Grown(jnp.zeros(())),
        gn.training.unrolled(gn.training.nrmse),
        windows,
        gn.training.make_optimiser(learning_rate=0.1, total_steps=60),
        num_steps=60,
        batch_size=3,
        key=jax.random.key(0),
        validation=windows,
        validation_metrics=metrics,
        validate_every=60,
    )
    np.testing.assert_allclose(trained.factor, 0.5, atol=0.02)
    errors = gn.training.evaluate(trained, windows, metrics, batch_size=2)
    assert errors["3 steps"] == pytest.approx(history["validation 3 steps"][-1][1])
    assert errors["3 steps"] < 0.1
    histories, parameters, truth = windows.rollouts()
    rolled = gn.training.predict(trained, histories, 3, parameters)
    np.testing.assert_allclose(rolled.array, truth.array, rtol=0.1)
