"""What XLA makes of a program: loops that it compiles in parts."""

import jax
import jax.numpy as jnp
import pytest

import pde_data
from pde_data.solver._materialisation import compiled_in_parts

# The mark of XLA on CPU on a loop that it compiles as one function.
ONE_FUNCTION = "xla_cpu_small_call"


def lowered(body, start):
    def run(x):
        return jax.lax.fori_loop(0, jnp.asarray(3), lambda _, x: body(x), x)

    return jax.jit(run).lower(start)


def compiled(body, start):
    return lowered(body, start).compile().as_text()


@pytest.mark.skipif(
    jax.__version_info__ < (0, 10),
    reason="with JAX 0.8 such a loop is one function: longer to compile, the same bits",
)
def test_a_loop_with_a_marked_number_is_not_one_function():
    one = jnp.ones((), jnp.float32)
    assert ONE_FUNCTION in compiled(lambda x: 1 + x / 2, one)  # pyright: ignore
    assert ONE_FUNCTION not in compiled(lambda x: 1 + compiled_in_parts(x) / 2, one)  # pyright: ignore


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, jnp.inf, jnp.nan])
def test_a_marked_number_keeps_its_bits_and_derivative(value):
    number = jnp.asarray(value, jnp.float32)
    marked, slope = jax.jit(jax.value_and_grad(compiled_in_parts))(number)
    assert marked.tobytes() == number.tobytes()
    assert slope == 1


def euler(rate, state, time, step):
    return jax.tree.map(lambda u, k: u + step * k, state, rate(state, time))


def lowered_loop(scheme, d):
    # One stage is enough to tell, and compiles three times as fast.
    parts = pde_data.SCHEMES[scheme] | {"stepper": euler}
    solver = pde_data.CompressibleNavierStokes((8,) * d, **parts)  # pyright: ignore
    one = jnp.ones((8,) * d, jnp.float32)
    state = solver.gas.conserved(pde_data.Primitive(one, (0 * one,) * d, one))

    def body(state):
        return solver.step(state, solver.stable_step(state), jnp.zeros(()))

    return lowered(body, state)


@pytest.mark.parametrize(
    ("scheme", "d"),
    [("weno5z", 2), ("aweno5z", 2), ("aweno5z-low-mach", 2), ("weno5z", 3)],
)
def test_steps_of_weno_are_marked(scheme, d):
    assert "sort" in lowered_loop(scheme, d).as_text()


# Under JAX 0.12 this loop was one function.
@pytest.mark.slow
def test_steps_of_weno_on_a_small_grid_are_compiled_in_parts():
    assert ONE_FUNCTION not in lowered_loop("weno5z", 2).compile().as_text()  # pyright: ignore
