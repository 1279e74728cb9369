"""What can't be measured or predicted is refused in words, before it is compiled."""

from typing import Any

import numpy as np
import pytest

from geomnet import training

from .small_run import ARRAYS, Windows, fit, linear

METRICS = {"smse": training.smse}


class Given(Windows):
    """Windows whose batches are something else."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def take(self, numbers) -> Any:
        return self.change(*super().take(numbers))


@pytest.mark.parametrize(
    "change",
    [
        lambda image, target: image,
        lambda image, target: (image,),
        lambda image, target: (image, target.array),
        lambda image, target: {"image": image, "target": target},
    ],
    ids=["an image", "one", "array last", "a dict"],
)
def test_batches_to_measure_on_end_with_the_images_to_predict(change):
    with pytest.raises(ValueError, match=r"must give batches `\(\*inputs, targets\)`"):
        training.evaluate(linear(), Given(change), METRICS, batch_size=4)


def test_nothing_is_no_mean():
    empty = Windows(ARRAYS[:0])
    with pytest.raises(ValueError, match="`windows` is empty: there is nothing"):
        training.evaluate(linear(), empty, METRICS, batch_size=4)
    with pytest.raises(ValueError, match="`validation` is empty: there is nothing"):
        fit(validation=empty)


def test_a_model_is_a_function_or_says_how_it_is_run():
    weights: Any = {"factor": np.float32(-2.0)}
    with pytest.raises(TypeError, match="`model` must be a function of images, or"):
        training.evaluate(weights, Windows(), METRICS, batch_size=4)
    found = training.evaluate(
        weights,
        Windows(),
        METRICS,
        batch_size=4,
        call=lambda model, image: image * model["factor"],
    )
    assert found == {"smse": 0.0}


@pytest.mark.usefixtures("no_type_checks")
def test_arrays_are_no_windows_though_they_have_a_take():
    arrays: Any = ARRAYS
    with pytest.raises(TypeError, match=r"`windows` must have a length and `take.*got"):
        training.evaluate(linear(), arrays, METRICS, batch_size=4)


def test_inputs_beside_histories_have_one_row_for_each():
    images, _ = Windows().take(np.arange(3))
    for wrong in (np.ones((2, 1), np.float32), np.float32(1.0), 1.0):
        with pytest.raises(TypeError, match="first axis is that of the 3 histories"):
            training.predict(linear(), images, 2, wrong)


@pytest.mark.usefixtures("optax_promotes")
def test_a_model_without_weights_is_not_trained():
    with pytest.raises(TypeError, match="`model` must be a model with floating-point"):
        fit(model=lambda image: image)


def test_other_metrics_do_not_compile_the_model_again():
    traced = []

    def call(model, image):
        traced.append(1)
        return model(image)

    model = linear()
    for metric in (training.smse, lambda a, b: 2 * training.smse(a, b)):
        training.evaluate(model, Windows(), {"m": metric}, batch_size=4, call=call)
    assert len(traced) == 1
