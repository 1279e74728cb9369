"""Every public docstring says what it is, its arguments, what it raises, its source.

The rules are in `docstring_rules.py`; here they are kept, and shown to see what breaks
them.
"""

import importlib.util
import sys
import textwrap
from typing import Any

import pytest

from geomnet.nn import AbstractLayer

from .docstring_rules import (
    PACKAGES,
    documented,
    has_source,
    own_text,
    reported,
    says_equivariant,
)
from .public_names import public_names

NAMES = public_names()
# What the rule for refusals takes for one, and why it can never be.
NEVER = {
    "geomnet._group.Group.keeps": "its own elements are signed permutations",
    "geomnet.filters._bank.FilterBank.operators": "its own filters have its axes",
    "geomnet.filters._subspaces.FilterSubspace.operators": "as those of its bank",
    "pde_data.solver._equations.CompressibleNavierStokes.rate": "a grid has 1-3 axes",
    "pde_data.solver._equations.CompressibleNavierStokes.max_rate": "as `rate`",
}
# What others have published, and is implemented.
PUBLISHED = {
    "geomnet": ["DilatedResNet", "FNO", "ResNet", "ResUNet", "UNet", "molien_series"],
    "geomnet.models": ["FourierBlock"],
    "geomnet.nn": [
        *("BlurPool", "ConditionedSpectralConv", "Conv", "Dropout", "FiLM", "Gate"),
        *("GroupNorm", "InstanceNorm", "Kernel", "LayerNorm", "NormActivation"),
        *("SpectralConv", "VectorNeuron"),
    ],
    "geomnet.metrics": [
        *("correlation_time", "nrmse_per_field", "rollout_smse", "smse"),
        *("spectral_error", "vrmse"),
    ],
    "geomnet.training": ["make_optimiser", "mixed_precision", "unrolled"],
    "pde_data": [
        *("ABCForcing", "AWENO5Z", "FirstOrder", "MUSCL", "StochasticForcing"),
        *("WENO5Z", "hll", "hllc", "low_mach", "minmod", "monotonized_central"),
        *("rkl2", "rusanov", "ssp_rk2", "ssp_rk3", "van_leer"),
    ],
    "pde_data.exact": ["BeckerShock", "RiemannProblem", "isentropic_vortex"],
    "pde_data.initial": [
        *("double_shear", "implosion", "kelvin_helmholtz", "random_fourier"),
        *("rayleigh_taylor", "riemann_quadrants", "shock_bubble", "taylor_green"),
        *("turbulent", "vortices"),
    ],
}
LAYERS = {
    name: value
    for name, value in NAMES.items()
    if isinstance(value, type)
    and issubclass(value, AbstractLayer)
    and not value.__name__.startswith("Abstract")
}


def test_every_public_docstring_is_whole():
    missing = reported(NAMES, PACKAGES)
    assert missing.keys() == NEVER.keys(), {
        name: lacks for name, lacks in missing.items() if name not in NEVER
    }
    assert all(lacks == ["**Raises:**"] for lacks in missing.values())


@pytest.mark.parametrize("module", PUBLISHED)
def test_what_others_have_published_names_them(module):
    for name in PUBLISHED[module]:
        value = NAMES[f"{module}.{name}"]
        text = next(documented(name, value, PACKAGES)).text
        assert has_source(text), name


def test_every_layer_and_model_says_under_what_it_is_exactly_equivariant():
    assert len(LAYERS) > 30
    assert not [n for n, cls in LAYERS.items() if not says_equivariant(own_text(cls))]


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Imports a module of some text."""

    def make(text: str) -> dict[str, Any]:
        path = tmp_path / "synthetic.py"
        path.write_text(textwrap.dedent(text))
        spec = importlib.util.spec_from_file_location("synthetic", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "synthetic", module)
        spec.loader.exec_module(module)
        own = {n: v for n, v in vars(module).items() if hasattr(v, "__module__")}
        return {
            n: v for n, v in own.items() if v.__module__ == "synthetic" and n[0] != "_"
        }

    return make


WHOLE = """
    import dataclasses
    from typing import NamedTuple

    from geomnet._arguments import checked

    def _check(size):
        if size < 0:
            raise ValueError("`size`")

    @checked
    def one(size: int, shape: int = 3):
        \"""Does one thing.

        **Arguments:**

        - `size`, `shape`: how large.

        **Raises:** `ValueError` if it is too small.
        \"""
        _check(size)

    def other(size, shape, more):
        \"""Does `more`, or something like it:

        **Arguments:** as of `one`.
        \"""

    class Base:
        \"""What is common.\"""

        def __call__(self, size):
            \"""**Arguments:** `size`.

            **Raises:** `ValueError` if it is too small.
            \"""
            _check(size)

    class Layer(Base):
        \"""Does something (Toro 2009).\"""

        def __init__(self, size):
            \"""**Arguments:** `size`: how large.\"""

        def __call__(self, size):
            \"""On a grid.\"""
            self.refuse(size)

        def refuse(self, size):
            \"""Refuses `size`. **Raises:** `TypeError`.\"""
            raise TypeError("`size`")

    @dataclasses.dataclass
    class Settings:
        \"""What may be chosen: a `depth`.\"""

        depth: int
        size: int = 3
        \"""How large.\"""

    class Pair(NamedTuple):
        \"""`left` and `right`.\"""

        left: int
        right: int
"""


def test_what_is_whole_is_not_reported(made):
    assert reported(made(WHOLE), ("synthetic",)) == {}


@pytest.mark.parametrize(
    ("old", "new", "name", "lacks"),
    [
        ('"""Does one thing.\n', '"""\n', "one", "no summary"),
        ("Does one thing.", "Does one thing", "one", "summary without end"),
        ("`size`, `shape`: how", "`size`: how", "one", "`shape`"),
        ("as of `one`", "as of `two`", "other", "`shape`"),
        ("Does `more`", "Does more", "other", "`more`"),
        ("**Raises:** `ValueError` if it is too small.", "", "one", "**Raises:**"),
        ('"""What is common."""', "pass", "Base", "no summary"),
        ("`size`: how large.", "how large.", "Layer", "`size`"),
        ("Refuses `size`.", "Refuses it.", "synthetic.Layer.refuse", "`size`"),
        (
            "**Raises:** `TypeError`.",
            "",
            "synthetic.Layer.refuse",
            "**Raises:**",
        ),
        ("a `depth`", "a depth", "Settings", "`depth`"),
        ('\n        """How large."""', "", "Settings", "`size`"),
        ("`left` and `right`", "Left and `right`", "Pair", "`left`"),
        (
            "Does something (Toro 2009)",
            "Does something. Reference: Toro",
            "Layer",
            "a year in parentheses",
        ),
    ],
)
def test_what_is_missing_is_reported(made, old, new, name, lacks):
    assert old in WHOLE
    assert lacks in reported(made(WHOLE.replace(old, new)), ("synthetic",))[name]


def test_a_helper_that_refuses_and_a_method_that_does_are_seen(made):
    """Of what a function calls, by a name of its module or of `self`."""
    bare = WHOLE.replace("@checked\n", "\n").replace(
        "**Raises:** `ValueError` if it is too small.", ""
    )
    found = reported(made(bare), ("synthetic",))
    assert found["one"] == ["**Raises:**"]
    assert found["synthetic.Base.__call__"] == ["**Raises:**"]
    assert found["synthetic.Layer.__call__"] == ["**Raises:**"]
    harmless = bare.replace("\n        _check(size)", "\n        abs(size)")
    assert "one" not in reported(made(harmless), ("synthetic",))


def test_sources_and_equivariance_are_told_from_what_is_none():
    assert has_source("After Toro (2009), Sec. 2.")
    assert has_source("(kernels: Yang et al. 2019, as\nthere)")
    assert not has_source("After Toro, in 2009 cells (12).")
    good = "It does.\n\n**Exactly equivariant** under `group`, on every\ngrid."
    assert says_equivariant(good)
    assert not says_equivariant(good.replace("**Exactly", "**Nearly"))
    assert not says_equivariant(good.replace("under `group`, ", ""))
    assert not says_equivariant(good.replace("on every\ngrid", "always"))
    assert not says_equivariant("**Exactly equivariant**.\n\nOn every grid under it.")
