"""What a model costs: parameters, arithmetic and memory, before anything is run."""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from .._arguments import check_count, checked
from .._image import GeometricImage
from .._json import json_text
from .._stand_in import StandIn
from .._table import table_lines
from ..nn import check_dimension


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """One layer of a model, alone: as XLA counts its program before it optimises."""

    path: str
    """Where the layer is in the model, such as `encoders[0][0]`."""
    layer: str
    """Its class."""
    parameters: int
    """Trainable numbers."""
    flops: float
    """Additions and multiplications of one call, for the whole batch."""
    output_bytes: int
    """Of what one call gives, for the whole batch."""


@dataclasses.dataclass(frozen=True)
class ProgramCost:
    """One compiled program, as XLA counts it after it has optimised.

    Programs that XLA hands to a library, such as convolutions on a GPU, may count as
    nothing; loops are counted for one turn.
    """

    flops: float
    """Additions and multiplications."""
    bytes_accessed: float
    """What goes through memory if each operation reads and writes all its arrays."""
    argument_bytes: int
    """What the program is given: weights, data, and in training the optimiser's
    state."""
    output_bytes: int
    """What it gives."""
    temporary_bytes: int
    """The most that XLA sets aside beside these while it runs."""

    @property
    def peak_bytes(self) -> int:
        """All three together: an upper bound, since outputs may take the place of
        arguments.
        """
        return self.argument_bytes + self.output_bytes + self.temporary_bytes


@dataclasses.dataclass(frozen=True)
class Cost:
    """What `geomnet.models.cost` found: print it, or read its parts."""

    model: str
    """The model's class."""
    grid: tuple[int, ...]
    """The number of cells along each axis."""
    batch: int
    """The number of samples of one call."""
    backend: str
    """Where it was compiled: other backends need other memory."""
    parameters: int
    """Trainable numbers of the whole model."""
    forward: ProgramCost
    """The prediction of one batch."""
    train_step: ProgramCost | None
    """Mean square error, its gradient and an update by AdamW; `None` for a model
    without parameters."""
    layers: tuple[LayerCost, ...]
    """The outermost layers, one row for each call, in the order of calls."""

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can say it."""
        found = dataclasses.asdict(self)
        return {**found, "grid": list(self.grid), "layers": list(found["layers"])}

    def to_json(self) -> str:
        """Everything, as JSON."""
        return json_text(self.to_dict())

    def __str__(self) -> str:
        cells = "x".join(map(str, self.grid))
        lines = [
            f"{self.model}, {self.parameters} parameters, on {cells} cells, batch "
            f"{self.batch}, compiled for {self.backend}",
            "",
        ]
        rows = [
            ("program", "flops", "accessed", "arguments", "outputs", "temporary"),
            _row("forward", self.forward),
        ]
        if self.train_step is not None:
            rows.append(_row("train step (AdamW)", self.train_step))
        lines += [*table_lines(rows), ""]
        layers = [("layer, alone", "class", "parameters", "flops", "output")]
        layers += [
            (
                x.path,
                x.layer,
                str(x.parameters),
                _short(x.flops),
                _short(x.output_bytes, "B"),
            )
            for x in self.layers
        ]
        return "\n".join([*lines, *table_lines(layers)])


@checked
def cost(model: Any, grid: tuple[int, ...], *, batch: int = 1) -> Cost:
    """Parameters, arithmetic and memory of a model on a grid, without running it.

    The forward pass and a train step are compiled for this backend and counted by XLA;
    layers are counted alone, before XLA optimises, so that their sum is neither that of
    the programs nor all of the model: what it does between its layers has no row.

    **Arguments:**

    - `model`: a layer or network of images, also one of shapes alone
        (`equinox.filter_eval_shape`). It takes an image and nothing else.
    - `grid`: the number of cells along each axis.
    - `batch`: the number of samples of one call.

    **Raises:** `ValueError` if the model refuses the grid or the batch is not positive;
    `TypeError` for a model that does not say what it takes.
    """
    check_count("batch", batch)
    arrays, array = _shapes(model, grid)
    samples = jax.ShapeDtypeStruct((batch, *array.shape), array.dtype)
    forward = jax.vmap(_forward(model), in_axes=(None, 0))
    parameters = count_parameters(model)
    step = _train_step(forward, arrays, samples) if parameters else None
    return Cost(
        type(model).__name__,
        tuple(grid),
        batch,
        jax.default_backend(),
        parameters,
        _compiled(forward, arrays, samples),
        step,
        _layers(model, arrays, array, batch),
    )


def count_parameters(model: Any) -> int:
    """The trainable numbers of a `model`: its floating-point array leaves, nothing
    else.
    """

    def is_trainable(leaf: Any) -> bool:
        return isinstance(leaf, jax.ShapeDtypeStruct) or eqx.is_inexact_array(leaf)

    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(model, is_trainable)))


@checked
def count_flops(model: Any, grid: tuple[int, ...]) -> float:
    """Additions and multiplications of one forward pass of a `model` on one image, on
    `grid`.

    As XLA counts them in the program that it is given, before it optimises: nothing is
    compiled or run, and a model of shapes alone (`equinox.filter_eval_shape`) will do.
    Roots and exponentials are not counted.

    **Raises:** `ValueError` if the model refuses the grid; `TypeError` for a model that
    does not say what it takes.
    """
    shapes = _shapes(model, grid)
    # Of a program for a GPU, XLA counts nothing before it is compiled.
    with jax.default_device(_counting_device()):
        lowered = jax.jit(_forward(model)).lower(*shapes)
    return _flops(lowered.cost_analysis())


def _counting_device() -> Any:
    """A CPU where there is one; `None` leaves it to JAX."""
    try:
        return jax.devices("cpu")[0]
    except RuntimeError:
        return None


def _shapes(model: Any, grid: tuple[int, ...]) -> tuple[Any, jax.ShapeDtypeStruct]:
    """The model's arrays and one sample on the grid, by their shapes."""
    for name in ("group", "in_signature"):
        if not hasattr(model, name):
            raise TypeError(
                f"`model` must have `{name}`, as the networks of `geomnet.models` "
                f"have; {type(model).__name__} has not."
            )
    check_dimension(grid, model.group)
    arrays = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype),
        eqx.filter(model, _is_array),
    )
    inexact = [
        leaf.dtype
        for leaf in jax.tree.leaves(arrays)
        if jnp.issubdtype(leaf.dtype, jnp.inexact)
    ]
    features = model.in_signature.features(model.group.num_spatial_dims)
    dtype = inexact[0] if inexact else jnp.float32
    return arrays, jax.ShapeDtypeStruct((*grid, features), dtype)


def _forward(model: Any) -> Callable[[Any, jax.Array], jax.Array]:
    """The model as a function of its arrays and of one sample."""
    rest = eqx.filter(model, _is_array, inverse=True)
    signature, d = model.in_signature, model.group.num_spatial_dims

    def forward(arrays: Any, array: jax.Array) -> jax.Array:
        return eqx.combine(arrays, rest)(GeometricImage(signature, array, d)).array

    return forward


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct) or eqx.is_array(leaf)


def _train_step(forward: Callable, arrays: Any, samples: Any) -> ProgramCost:
    import optax

    optimiser = optax.adamw(1e-3)

    def is_trained(leaf: Any) -> bool:
        return jnp.issubdtype(leaf.dtype, jnp.inexact)

    trained, rest = eqx.partition(arrays, is_trained)
    state = jax.eval_shape(optimiser.init, trained)
    truth = jax.eval_shape(forward, arrays, samples)

    def step(trained: Any, rest: Any, state: Any, samples: Any, truth: Any) -> Any:
        def loss(trained: Any) -> jax.Array:
            found = forward(eqx.combine(trained, rest), samples)
            return jnp.mean(jnp.square(found - truth))

        value, gradient = jax.value_and_grad(loss)(trained)
        updates, state = optimiser.update(gradient, state, trained)
        return optax.apply_updates(trained, updates), state, value

    # Optax itself mixes dtypes.
    with jax.numpy_dtype_promotion("standard"):
        return _compiled(step, trained, rest, state, samples, truth)


def _compiled(function: Callable, *shapes: Any) -> ProgramCost:
    # Of each argument, used or not: a program holds what it is given.
    program = jax.jit(function, keep_unused=True).lower(*shapes).compile()
    counted, memory = program.cost_analysis(), program.memory_analysis()
    if memory is None:
        raise RuntimeError(
            f"XLA does not count memory on {jax.default_backend()!r}: count on a CPU, "
            'with `jax.default_device(jax.devices("cpu")[0])`.'
        )
    return ProgramCost(
        _flops(counted),
        float((counted or {}).get("bytes accessed", 0.0)),
        memory.argument_size_in_bytes,
        memory.output_size_in_bytes,
        memory.temp_size_in_bytes,
    )


def _flops(counted: Any) -> float:
    if counted is None:
        raise RuntimeError(
            f"XLA does not count arithmetic on {jax.default_backend()!r}: match "
            '"components" or "parameters", or count on a CPU.'
        )
    # The key is missing where there is nothing to count.
    return float(counted.get("flops", 0.0))


class _Watched(StandIn):
    """A layer that notes on which grid it is called and how large its result is."""

    def __init__(self, layer: Any, path: str, calls: list):
        super().__init__(layer)
        self._path, self._calls = path, calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = self._layer(*args, **kwargs)
        self._calls.append((self._path, self._layer, args, kwargs, result))
        return result


def _layers(
    model: Any, arrays: Any, array: jax.ShapeDtypeStruct, batch: int
) -> tuple[LayerCost, ...]:
    """The outermost layers inside of a model; the model itself if it has none."""
    rest = eqx.filter(model, _is_array, inverse=True)
    signature, d = model.in_signature, model.group.num_spatial_dims
    rows: list[LayerCost] = []

    def run(arrays: Any, array: jax.Array) -> None:
        calls: list = []
        whole = eqx.combine(arrays, rest)
        watched = _watched(whole, calls)
        image = GeometricImage(signature, array, d)
        result = watched(image)
        if not calls:
            calls.append((type(model).__name__, whole, (image,), {}, result))
        rows.extend(_row_of(*call, batch=batch) for call in calls)

    jax.eval_shape(run, arrays, array)
    return tuple(rows)


def _watched(model: Any, calls: list) -> Any:
    """A copy of a model whose outermost layers note their calls."""

    def is_layer(node: Any) -> bool:
        is_inner = node is not model and isinstance(node, eqx.Module)
        return is_inner and callable(node)

    leaves, structure = jax.tree_util.tree_flatten_with_path(model, is_leaf=is_layer)
    replaced = [
        _Watched(leaf, jax.tree_util.keystr(path).lstrip("."), calls)
        if is_layer(leaf)
        else leaf
        for path, leaf in leaves
    ]
    return jax.tree_util.tree_unflatten(structure, replaced)


def _row_of(
    path: str, layer: Any, args: Any, kwargs: Any, result: Any, batch: int
) -> LayerCost:
    arrays, rest = eqx.partition((layer, args, kwargs), _is_array)

    def alone(arrays: Any) -> Any:
        layer, args, kwargs = eqx.combine(arrays, rest)
        return eqx.filter(layer(*args, **kwargs), eqx.is_array)

    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), arrays)
    flops = _flops(jax.jit(alone).lower(shapes).cost_analysis())
    given = jax.tree.leaves(eqx.filter(result, eqx.is_array))
    size = sum(a.size * a.dtype.itemsize for a in given)
    name = type(layer).__name__
    return LayerCost(path, name, count_parameters(layer), batch * flops, batch * size)


def _row(name: str, program: ProgramCost) -> tuple[str, ...]:
    sizes = (
        program.bytes_accessed,
        program.argument_bytes,
        program.output_bytes,
        program.temporary_bytes,
    )
    return (name, _short(program.flops), *(_short(size, "B") for size in sizes))


def _short(number: float | int, unit: str = "") -> str:
    """With three digits and a prefix of the SI: `1.23 MB`."""
    for prefix in ("", "k", "M", "G"):
        if number < 1000:
            return f"{number:.3g} {prefix}{unit}".rstrip()
        number /= 1000
    return f"{number:.3g} T{unit}"
