"""What every layer inside a model takes and gives, in the order in which it happens.

Inside a copy of the model each layer is replaced by a stand-in that notes its calls.
The model itself is never changed: it may be shared, compiled, or in use elsewhere.
"""

import dataclasses
import os
import sys
import types
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer

from .. import _equivariance
from .._equivariance._callables import hashable
from .._image import GeometricImage
from .._stand_in import StandIn

_OWN_FOLDERS = tuple(
    os.path.dirname(os.path.abspath(file))
    for file in (__file__, str(_equivariance.__file__))
)
_PASSING_ON = ("equinox", "jaxtyping", "beartype", "<", "contextlib")


@dataclasses.dataclass(frozen=True)
class Moment:
    """One layer is called, or returns."""

    path: str
    """Where the layer is in the model, such as `encoders[0].conv`."""
    layer: str
    """Its class."""
    parent: str
    """The path of the layer that calls it; `""` if none."""
    returns: bool
    """Whether it returns; else it is called."""
    caller: str
    """File and line of the call, or `""`."""


class LayerTrace:
    """Runs a model and gives the values at every `Moment` with its result.

    The model's arrays are arguments of one compiled function, so the states of a model
    during training share a compilation.
    """

    moments: list[Moment]

    def __init__(self):
        self.moments = []
        self._compiled: Callable | None = eqx.filter_jit(self._run)

    def __call__(self, model: Any, x: Any) -> tuple[Any, list[Any]]:
        """`(model(x), values)`, one value for each of `moments`."""
        model = hashable(model)
        if self._compiled is not None:
            try:
                return self._compiled(model, x)
            except jax.errors.JAXTypeError:
                # A value from inside a loop or a map can't leave it; or f can't be
                # traced at all. Without compilation, values inside are left out.
                self._compiled = None
        return self._run(model, x)

    def _run(self, model: Any, x: Any) -> tuple[Any, list[Any]]:
        calls: list[tuple[Moment, Any]] = []
        result = with_recorders(model, calls)(x)
        if self._compiled is None:
            calls = [call for call in calls if not _is_traced(call[1])]
        self.moments = [moment for moment, _ in calls]
        return result, [value for _, value in calls]


def with_recorders(model: Any, calls: list[tuple[Moment, Any]]) -> Callable:
    """A copy of a model, or of a function around modules, that notes calls in
    `calls`.
    """
    if isinstance(model, eqx.Module):
        return _recorded(model, "", "", calls)
    if isinstance(model, types.FunctionType):
        return _rebound(model, calls)
    return model


def _rebound(function: types.FunctionType, calls: list) -> Callable:
    """A copy of a function that sees recorders where it sees modules.

    Users check `lambda x: net(x) * 2`, and such a function has no fields that a copy
    could replace: its code finds `net` in a cell of its closure or among its globals.
    So the copy has the same code with other cells and other globals. Only what the code
    names itself is found; a module in a list or behind a call is not, and is looked for
    by its lines instead.

    The alternatives cost more: to set the names in the user's module while f runs would
    show to other threads and outlast an error; to patch `__call__` of the layers'
    classes would reach all their instances and tell no path; to ask for the module
    beside the function would ask every user for what few of them need.
    """
    code, cells = function.__code__, function.__closure__ or ()
    closed = (
        _replaced(cell.cell_contents, name, calls)
        for name, cell in zip(code.co_freevars, cells, strict=True)
    )
    named = set(code.co_names) & set(function.__globals__)
    seen = {name: _replaced(function.__globals__[name], name, calls) for name in named}
    copy = types.FunctionType(
        code,
        {**function.__globals__, **seen},
        function.__name__,
        function.__defaults__,
        tuple(map(types.CellType, closed)) or None,
    )
    # A call needs them too, and the constructor takes them from Python 3.13 on.
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _replaced(value: Any, name: str, calls: list) -> Any:
    if isinstance(value, eqx.Module) and callable(value):
        return _recorded(value, name, "", calls)
    return value


class _Recorder(StandIn):
    """Stands in for a layer, and notes what goes in and what comes out."""

    def __init__(self, path: str, parent: str, inner: Any, calls: list):
        super().__init__(inner)
        self._path, self._parent, self._calls = path, parent, calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        is_outermost = not self._parent and self._path == type(self._layer).__name__
        caller = "" if is_outermost else _calling_line()
        self._note(False, args, caller)
        result = self._layer(*args, **kwargs)
        self._note(True, result, caller)
        return result

    def _note(self, returns: bool, value: Any, caller: str) -> None:
        moment = Moment(
            self._path, type(self._layer).__name__, self._parent, returns, caller
        )
        self._calls.append((moment, _arrays(value)))


def _recorded(layer: Any, path: str, parent: str, calls: list) -> Any:
    def is_inner(node: Any) -> bool:
        return node is not layer and isinstance(node, eqx.Module) and callable(node)

    path = path.lstrip(".")
    leaves, structure = jax.tree_util.tree_flatten_with_path(layer, is_leaf=is_inner)
    own = path or type(layer).__name__
    replaced = [
        _recorded(leaf, path + jax.tree_util.keystr(where), own, calls)
        if is_inner(leaf)
        else leaf
        for where, leaf in leaves
    ]
    inner = jax.tree_util.tree_unflatten(structure, replaced)
    return _Recorder(own, parent, inner, calls)


def _arrays(value: Any) -> list[Any]:
    """The images and floating arrays in what a layer takes or gives."""

    def is_image(node: Any) -> bool:
        return isinstance(node, GeometricImage)

    return [
        leaf
        for leaf in jax.tree.leaves(value, is_leaf=is_image)
        if is_image(leaf) or eqx.is_inexact_array(leaf) or _is_float(leaf)
    ]


def _is_float(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) and np.issubdtype(leaf.dtype, np.inexact)


def _is_traced(value: Any) -> bool:
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(value))


def _calling_line() -> str:
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        file = frame.f_code.co_filename
        if not (
            name.startswith((*_PASSING_ON, "jax."))
            or file.startswith("<")
            or os.path.dirname(os.path.abspath(file)) in _OWN_FOLDERS
        ):
            return f"{os.path.basename(file)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
