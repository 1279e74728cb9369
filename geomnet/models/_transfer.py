"""Weights from a model to the same model in one dimension more."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from .._extrude import check_extrudable
from .._group import Group
from .._representation import Representation, acts_trivially
from .._signature import Signature
from ..filters import FilterBank, filter_basis
from ..filters._kernel_space import KernelSpace
from ..filters._line_sums import lift
from ..nn import (
    Bias,
    Boundary,
    Conv,
    ConvTranspose,
    Down,
    FiLM,
    Gate,
    GroupNorm,
    InstanceNorm,
    Kernel,
    LayerNorm,
    Linear,
    MeanBias,
    NormActivation,
    Up,
    VectorNeuron,
)
from ..nn._kernel import pair_name
from ..nn._placement import FACTOR
from ._group_average import GroupAverage

M = TypeVar("M", bound=eqx.Module)

_REBUILD = "Build both with the same arguments but for the group."

# Beyond such a face a field that is constant along the normal stays constant.
_KEEP_CONSTANTS = {Boundary.PERIODIC, Boundary.EDGE, Boundary.SLIP}


def transfer_weights(model: M, onto: M) -> M:
    """A model in one dimension more that does to extruded fields what `model` does.

    The result takes `geomnet.extrude(image, cells)` to `geomnet.extrude(model(image),
    cells)`, to rounding, for every image and every number of cells that it accepts: a
    network that has learned plane flows starts from them in space. It commutes with
    all of its own group.

    Each kernel becomes the one whose sums along the new axis are the old kernel, as
    near to isotropic as can be, and of those the smallest; norms are rescaled, since
    the mean square of a vector is taken over one component more; all else is copied.

    **What there is no such kernel for is refused.** All scalars and vectors of a
    `ResNet` or `DilatedResNet` can be transferred, and antisymmetric tensors; tensors
    of type `"2+"` and `"2s+"` as inputs only, since the larger group would give them a
    diagonal component along the new axis; of a `UNet` those between scalars, since a
    learned `Up` that makes vectors makes staggered ones along the new axis too.
    `NormActivation` and `VectorNeuron` are transferred for scalars: what scales them to
    unit second moment depends on the dimension.

    **Arguments:**

    - `model`: what is learned is taken from it; of types of parity + only.
    - `onto`: the same model, built in one dimension more, such as under
        `geomnet.hyperoctahedral(3)` with the same `hidden`; its own weights are
        ignored. Its boundary must be the same along the axes that both have, and
        PERIODIC, EDGE or SLIP along the last one.

    **Returns:** `onto` with the weights, in its own dtype.

    **Raises:** `ValueError` if the models differ otherwise than by dimension, or if a
    layer can't be transferred; it names the layer and the mend.
    """
    return _transferred(model, onto, "model")


def _transferred(source: Any, target: Any, where: str) -> Any:
    """`target` with what `source` has learned."""
    if type(source) is not type(target):
        raise ValueError(
            f"{where} is a {type(source).__name__} in `model` and a "
            f"{type(target).__name__} in `onto`. {_REBUILD}"
        )
    if isinstance(source, tuple | list):
        if len(source) != len(target):
            raise ValueError(
                f"{where} has {len(source)} parts in `model` and {len(target)} in "
                f"`onto`. {_REBUILD}"
            )
        pairs = enumerate(zip(source, target, strict=True))
        return type(source)(_transferred(a, b, f"{where}[{n}]") for n, (a, b) in pairs)
    if isinstance(source, eqx.Module):
        return _transferred_module(source, target, where)
    if isinstance(source, Mapping) or eqx.is_array(source):
        raise ValueError(
            f"{where} belongs to a layer that `transfer_weights` does not know: what "
            "it means in another dimension can't be guessed. Use layers of "
            "`geomnet.nn`, or transfer the parts around it."
        )
    return source


def _transferred_module(source: eqx.Module, target: Any, where: str) -> Any:
    _check_statics(source, target, where)
    values = {}
    for kind, rule in _RULES:
        if isinstance(source, kind):
            values = rule(source, target, where)
    for field in dataclasses.fields(source):
        name = field.name
        old = getattr(target, name)
        if field.metadata.get("static"):
            continue
        if name not in values:
            values[name] = _transferred(getattr(source, name), old, f"{where}.{name}")
        elif not isinstance(old, eqx.Module):
            values[name] = _fitted(values[name], old, f"{where}.{name}")
    return eqx.tree_at(
        lambda module: [getattr(module, name) for name in values],
        target,
        list(values.values()),
        is_leaf=lambda node: node is None or (isinstance(node, tuple) and not node),
    )


def _fitted(value: Any, old: Any, where: str) -> Any:
    """The new numbers in the place of the old ones."""
    if np.shape(value) != np.shape(old):
        raise ValueError(
            f"{where} has shape {np.shape(value)} in `model` and {np.shape(old)} in "
            f"`onto`. {_REBUILD}"
        )
    return None if old is None else jnp.asarray(value, old.dtype)


def _check_statics(source: eqx.Module, target: Any, where: str) -> None:
    """**Raises:** `ValueError` unless the two differ by the last axis alone."""
    others = _statics(target)
    for name, a in _statics(source).items():
        b, what = others[name], f"{where}.{name}"
        if isinstance(a, Group):
            d = a.num_spatial_dims
            if b.num_spatial_dims != d + 1:
                raise ValueError(
                    f"`model` has {d} spatial dimensions and `onto` "
                    f"{b.num_spatial_dims}: weights go from one dimension to the next. "
                    f"Build `onto` under `geomnet.hyperoctahedral({d + 1})`."
                )
        elif _is_faces(a):
            if a != b[:-1] or not _KEEP_CONSTANTS.issuperset(b[-1]):
                raise ValueError(
                    f"{what} is {_face_names(a)} in `model` and {_face_names(b)} in "
                    "`onto`. It must be the same along the axes that both have, and "
                    "PERIODIC, EDGE or SLIP along the last one: beyond another face a "
                    "constant does not go on."
                )
        elif isinstance(source, Kernel) and name == "window":
            if a != b[:-1]:
                raise ValueError(
                    f"{what} is {a} in `model` and {b} in `onto`: the "
                    "windows must agree along the axes that both have."
                )
        elif a != b:
            raise ValueError(
                f"{what} is {str(a)!r} in `model` and {str(b)!r} in `onto`. {_REBUILD}"
            )
        if isinstance(a, Signature):
            check_extrudable(a, what)
            groups = getattr(source, "group", None), getattr(target, "group", None)
            if None not in groups:
                _check_invariance(a, groups, what)


def _statics(module: Any) -> dict[str, Any]:
    """The static fields by name, those of a representation or space one by one."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(module):
        if not field.metadata.get("static"):
            continue
        value = getattr(module, field.name)
        if isinstance(value, Representation):
            found |= {"group": value.group, "signature": value.signature}
        elif isinstance(value, KernelSpace):
            found |= {
                "group": value.source.group,
                "in_signature": value.source.signature,
                "out_signature": value.target.signature,
                "window": value.window,
                "channel_groups": value.channel_groups,
            }
        else:
            found[field.name] = value
    return found


def _check_invariance(
    signature: Signature, groups: tuple[Any, Any], where: str
) -> None:
    """**Raises:** `ValueError` if a layer treats a type as a scalar in one only."""
    plane, space = groups
    for t in signature.types:
        if acts_trivially(plane, t) != acts_trivially(space, t):
            raise ValueError(
                f"{where}: each component of type '{t}' is a scalar under {plane}, and "
                f"not under {space}. Leave it out of '{signature}'."
            )


def _is_faces(value: Any) -> bool:
    return isinstance(value, tuple) and any(
        isinstance(pair, tuple) and any(isinstance(face, Boundary) for face in pair)
        for pair in value
    )


def _face_names(faces: Any) -> str:
    return ", ".join("/".join(face.name for face in pair) for pair in faces)


Rule = Callable[[Any, Any, str], dict[str, Any]]


def _copies(*names: str) -> Rule:
    """The rule of a layer whose weights mean the same in every dimension."""
    return lambda source, target, where: {n: getattr(source, n) for n in names}


def _kernel_layer(source: Any, target: Any, where: str) -> dict[str, Any]:
    """Line sums of the kernel; of `Up`, each tap by itself."""
    stride, dilation = 1, 1
    if isinstance(source, Up):
        stride = FACTOR
    elif isinstance(source, ConvTranspose):
        stride, dilation = source.stride, source.dilation
    where = f"{where}.kernel"
    old, new = source.kernel, target.kernel
    _check_statics(old, new, where)
    lifted = {}
    for pair, part in old.coefficients_of_pairs().items():
        banks, name = [kernel.basis(*pair) for kernel in (old, new)], pair_name(pair)
        rows = np.moveaxis(np.asarray(part), -3, -1)
        rows = _lifted(rows, banks, f"{where}.coefficients[{name!r}]", stride, dilation)
        lifted[name] = np.moveaxis(rows, -1, -3)
    present = new.coefficients
    zeros = {pair: np.zeros(part.shape) for pair, part in present.items()}
    lifted = {pair: part for pair, part in lifted.items() if pair in present}
    return {"kernel": new.with_coefficients(zeros | lifted)}


def _bias(source: Bias, target: Bias, where: str) -> dict[str, Any]:
    return {"weights": _constants(source.weights, source, target, f"{where}.weights")}


def _film(source: FiLM, target: FiLM, where: str) -> dict[str, Any]:
    shift = _constants(source.shift, source, target, f"{where}.shift")
    return {
        **_copies("hidden_weight", "hidden_bias", "scale")(source, target, where),
        "shift": shift,
    }


def _norm(source: Any, target: Any, where: str) -> dict[str, Any]:
    """The mean square over d + 1 components for each index of a tensor, one of them
    zero, is d / (d + 1) of that over d.
    """
    d = source.group.num_spatial_dims
    channel = source.representation.channel
    factor = np.ones(len(source.scale))
    for entry, features in zip(
        source.signature, source.signature.slices(d), strict=True
    ):
        factor[channel[features]] = math.sqrt(d / (d + 1)) ** entry.type.order
    return {"scale": np.asarray(source.scale, np.float64) * factor}


def _constants(values: Any, source: Any, target: Any, where: str) -> np.ndarray:
    """What the group leaves alone, `(..., constants)`, in one dimension more."""
    values = np.asarray(values)
    parts, start = [np.zeros((*values.shape[:-1], 0))], 0
    for entry in source.signature:
        banks = [filter_basis(m.group, entry.type, 1) for m in (source, target)]
        size = entry.channels * len(banks[0])
        rows = values[..., start : start + size]
        start += size
        rows = rows.reshape(*rows.shape[:-1], entry.channels, len(banks[0]))
        rows = _lifted(rows, banks, f"{where} of '{entry}'")
        parts.append(rows.reshape(*values.shape[:-1], entry.channels * len(banks[1])))
    return np.concatenate(parts, axis=-1)


def _lifted(
    rows: np.ndarray,
    banks: list[FilterBank],
    where: str,
    stride: int = 1,
    dilation: int = 1,
) -> np.ndarray:
    """Coefficients `(..., filters)` on the first bank as such on the second.

    **Raises:** `ValueError` if there are no such filters.
    """
    found = lift(banks[0], banks[1], stride, dilation)
    rounding = 16 * float(jnp.finfo(rows.dtype).eps)
    rows = rows.astype(np.float64)
    missed = np.abs(rows @ found.missed.T).max(initial=0)
    if missed > rounding * np.abs(rows).max(initial=0):
        d = banks[0].num_spatial_dims
        if stride > 1:
            mend = (
                "An upsampling layer that makes such a type sets neighbours along the "
                "last axis apart: use a model on one grid, such as `ResNet` or "
                "`DilatedResNet`, or scalars"
            )
        else:
            mend = (
                "Types '2+' and '2s+' can be inputs only, since the group would give "
                "them a diagonal component along the last axis: use scalars and "
                "vectors, and both models under `geomnet.hyperoctahedral`"
            )
        raise ValueError(
            f"{where}: in {d + 1} dimensions no filter that commutes with the group "
            "does the same and makes no component along the last axis. "
            f"{mend}; or set these coefficients to zero."
        )
    return rows @ found.matrix.T


def _of_scalars(*names: str) -> Rule:
    """Copies what a nonlinearity has learned of invariants; refuses other types."""

    def rule(source: Any, target: Any, where: str) -> dict[str, Any]:
        if source.representation.num_tensors:
            raise ValueError(
                f"{where} is a {type(source).__name__} of '{source.signature}': its "
                "scale to unit second moment depends on how many components a tensor "
                "has. Use `geomnet.nn.Gate`, or scalars."
            )
        return _copies(*names)(source, target, where)

    return rule


def _refused(source: Any, target: Any, where: str) -> dict[str, Any]:
    raise ValueError(
        f"{where} is a GroupAverage: in one dimension more its mean is over positions "
        "that tilt the plane, of which a plain model inside has learned nothing. "
        "Transfer an equivariant model."
    )


_RULES: tuple[tuple[Any, Rule], ...] = (
    ((Conv, Linear, Down, Up, ConvTranspose), _kernel_layer),
    (Bias, _bias),
    ((LayerNorm, GroupNorm, InstanceNorm), _norm),
    (Gate, _copies("weight", "bias")),
    (NormActivation, _of_scalars("slope", "bias")),
    (VectorNeuron, _of_scalars()),
    (MeanBias, _copies("scale")),
    (FiLM, _film),
    (GroupAverage, _refused),
)
