"""What every layer takes and gives is seen, and the model stays as it is."""

import equinox as eqx
import jax
import jax.numpy as jnp

from geomnet.testing._layer_trace import LayerTrace, with_recorders

from .small_models import Pair


class Scale(eqx.Module):
    factor: float

    def __call__(self, x):
        return x * self.factor


TRIPLED = Scale(3.0)
X = jnp.ones((2, 2))


def test_every_call_and_return_is_noted_in_order():
    trace = LayerTrace()
    result, values = trace(Pair(Scale(2.0), Scale(0.5)), X)
    assert [(m.path, m.returns) for m in trace.moments] == [
        ("Pair", False),
        ("first", False),
        ("first", True),
        ("second", False),
        ("second", True),
        ("Pair", True),
    ]
    assert [float(value[0, 0]) for (value,) in values] == [1, 1, 2, 2, 1, 1]
    assert float(result[0, 0]) == 1
    assert [m.parent for m in trace.moments[1:5]] == ["Pair"] * 4


def test_modules_that_a_function_names_are_found_and_it_is_not_changed():
    doubled = Scale(2.0)

    def f(x, *, offset=1.0):
        return TRIPLED(doubled(x)) + offset

    calls: list = []
    assert float(with_recorders(f, calls)(X)[0, 0]) == 7
    assert [m.path for m, _ in calls if m.returns] == ["doubled", "TRIPLED"]
    # Its closure and its globals hold the modules themselves.
    assert f.__closure__ is not None
    assert f.__closure__[0].cell_contents is doubled
    assert f.__globals__["TRIPLED"] is TRIPLED
    calls.clear()
    assert float(f(X)[0, 0]) == 7
    assert calls == []


def test_what_a_function_does_not_name_is_not_seen():
    layers = [Scale(2.0)]
    trace = LayerTrace()
    result, values = trace(lambda x: layers[0](x), X)
    assert float(result[0, 0]) == 2
    assert values == []
    # Without a trace, inside a loop, what is around is seen.
    loop = Pair(eqx.nn.Lambda(lambda x: jax.lax.fori_loop(0, 2, step, x)), Scale(1.0))
    result, _ = trace(loop, X)
    assert float(result[0, 0]) == 9
    assert [m.path for m in trace.moments if m.returns] == ["first", "second", "Pair"]


def step(i, x):
    return TRIPLED(x)
