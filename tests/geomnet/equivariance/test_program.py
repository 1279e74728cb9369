"""What the trace of a program tells: how deep it is, and where it loses bits."""

import jax
import jax.numpy as jnp
import numpy as np

from geomnet._equivariance._program import (
    is_traceable,
    narrowing_casts,
    rounding_depth,
    run_in_steps,
)


def test_sums_in_a_row_are_counted_on_the_longest_way():
    x, one = jnp.ones((3, 3)), jnp.eye(3)

    def turns(a):
        return jax.lax.scan(lambda c, _: (c @ one, None), a, length=5)[0]

    assert rounding_depth(lambda a: a @ one + a.sum(), x) == 1
    assert rounding_depth(lambda a: (a @ one).sum(), x) == 2
    assert rounding_depth(turns, x) == 5
    assert rounding_depth(lambda a: turns(a) + a, x) == 5


def test_casts_to_fewer_bits_than_the_input_has_are_named_with_their_line():
    def low(a):
        return a.astype(jnp.bfloat16).astype(jnp.float32)

    (cast,) = narrowing_casts(low, jnp.ones(3, jnp.float32))
    line = low.__code__.co_firstlineno + 1
    assert cast == f"float32 -> bfloat16 at test_program.py:{line}"
    assert narrowing_casts(low, jnp.ones(3, jnp.bfloat16)) == ()


def test_what_can_not_be_traced_tells_nothing():
    x = np.ones(3, np.float32)
    for f in (np.square, lambda a: a if a[0] > 0 else -a):
        assert not is_traceable(f, jnp.asarray(x))
        assert rounding_depth(f, jnp.asarray(x)) == 0
        assert narrowing_casts(f, jnp.asarray(x)) == ()
        assert run_in_steps(f, jnp.asarray(x)) is None


def test_the_steps_of_a_program_give_every_value():
    def f(a):
        b = a + 1.0
        return b * a

    found = run_in_steps(f, jnp.asarray(np.arange(3, dtype=np.float32)))
    assert found is not None
    steps, values = found
    line = f.__code__.co_firstlineno
    assert [s.place for s in steps] == [
        f"test_program.py:{line + 1}",
        f"test_program.py:{line + 2}",
    ]
    # The input is in use until the product is made, and then only the result.
    assert [len(s.live) for s in steps] == [2, 1]
    np.testing.assert_array_equal(values[steps[-1].live[0]], [0.0, 2.0, 6.0])
