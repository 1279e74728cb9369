"""The worked examples of the execution storey, as they stand."""

import doctest
from pathlib import Path

import jax

import geomnet.nn._execution as execution


def test_the_worked_examples_are_right():
    page = Path(execution.__file__).with_name("README.md")
    # Printed numbers are of any precision; the page does not ask for strict types.
    with jax.numpy_dtype_promotion("standard"):
        found = doctest.testfile(str(page), module_relative=False)
    assert found.attempted > 10
    assert not found.failed


def test_a_wrong_example_is_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```\n>>> 1 + 1\n3\n```\n")
    assert doctest.testfile(str(page), module_relative=False, verbose=False).failed
