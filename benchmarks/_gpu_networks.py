"""What `gpu.py` measures of networks: checks, single layers, a UNet's train step."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import _torch_unet
import equinox as eqx
import jax
import jax.numpy as jnp
from _gpu_rows import Case, Figures
from _gpu_sizes import Sizes
from _measure import Program, compared, compiled
from _plain_unet import FLOW, contestants, train_step

import geomnet as gn
from geomnet._equivariance._products import products_in, rounding_of_products

Rows = Iterator[tuple[str, Figures]]
GROUP = gn.hyperoctahedral(2)


def cases(sizes: Sizes) -> Iterator[Case]:
    """All of them, the most important first."""
    yield Case("check", "products", 15, products)
    for precision in (None, "highest"):
        checking = functools.partial(check, sizes, precision)
        yield Case("check", f"UNet, {precision or 'default'} products", 30, checking)
    for channels in sizes.channels:
        for dtype in ("float32", "bfloat16"):
            name = f"{channels} + {channels}, {dtype}"
            for is_backward in (False, True):
                yield Case(
                    "layer",
                    f"{name}, {'with gradients' if is_backward else 'forward'}",
                    8,
                    functools.partial(layer, sizes, channels, dtype, is_backward),
                )
    for dtype in ("float32", "bfloat16"):
        stepping = functools.partial(unet_step, sizes, dtype)
        yield Case("unet step", dtype, 75, stepping)
    if _torch_unet.is_installed():
        torch = functools.partial(torch_step, sizes)
        yield Case("unet step", "bfloat16, torch.compile", 90, torch)


def products() -> Rows:
    """How far products are from those of doubles, over the largest number."""
    for precision in (None, "highest"):
        for dtype in ("float32", "bfloat16"):
            with products_in(precision):
                rounding = rounding_of_products(dtype)
            yield f"{dtype}, {precision or 'default'}", {"rounding": rounding}


def check(sizes: Sizes, precision: str | None) -> Rows:
    """How far a new UNet is from commuting, and whether the check accepts that."""
    flow, key = FLOW[2], jax.random.key(0)
    net = gn.UNet(
        GROUP, flow, flow, hidden="8x0+ 8x1+", depth=sizes.checked_depth, key=key
    )
    image = gn.random_image(flow, (sizes.checked_cells,) * 2, key=key)
    with products_in(precision):
        error = gn.testing.equivariance_error(net, image)
        tolerance = gn.testing.tolerance_for("float32")
    figures = {"deviation": error, "tolerance": tolerance, "passes": True}
    began = time.perf_counter()
    try:
        gn.testing.assert_equivariant(net, image, precision=precision)
    except AssertionError as accused:
        figures |= {"passes": False, "accused": str(accused)}
    yield "", {**figures, "seconds": time.perf_counter() - began}


def layer(sizes: Sizes, channels: int, dtype: str, is_backward: bool) -> Rows:
    """One 3x3 convolution of a torus, and those of as many plain components."""
    fields = gn.Signature(f"{channels}x0+ {channels}x1+")
    features, keys = fields.features(2), jax.random.split(jax.random.key(0), 4)
    shape = (sizes.batch, sizes.cells, sizes.cells, features)
    x = jax.random.normal(keys[0], shape, dtype)

    def ours(group: gn.Group, fields: gn.Signature, key: Any) -> tuple[Any, Any]:
        conv = gn.nn.Conv(
            group, fields, fields, 3, use_bias=False, key=key, dtype=dtype
        )
        return conv, gn.GeometricImage(fields, x, 2)

    plain = eqx.nn.Conv(
        2,
        features,
        features,
        3,
        padding="SAME",
        padding_mode="CIRCULAR",
        use_bias=False,
        key=keys[1],
        dtype=jnp.dtype(dtype),
    )
    pairs = {
        "equinox": (plain, jnp.moveaxis(x, -1, 1)),
        "twin": ours(gn.trivial(2), gn.Signature(f"{features}x0+"), keys[2]),
        "geomnet": ours(GROUP, fields, keys[3]),
    }
    run = with_gradients if is_backward else forward
    # Of the dense product: twice 9 multiplications for each pair of components.
    work = 18 * features**2 * sizes.batch * sizes.cells**2 * (3 if is_backward else 1)
    made: dict[str, Callable[[], Program]] = {
        name: functools.partial(compiled, run, *pair) for name, pair in pairs.items()
    }
    for name, figures in compared(made, "equinox", fill=sizes.fill):
        rate = {}
        if "seconds" in figures:
            rate["dense_teraflops"] = work / figures["seconds"] / 1e12
        yield name, {**figures, **rate}


def forward(layer: Any, x: Any) -> Any:
    """Of a batch."""
    return jax.vmap(layer)(x)


def with_gradients(layer: Any, x: Any) -> Any:
    """The forward pass of a batch, and both gradients."""
    y, back = eqx.filter_vjp(forward, layer, x)
    return y, back(y)


def unet_step(sizes: Sizes, dtype: str) -> Rows:
    """Loss, gradient and AdamW; weights stay float32 in half precision."""
    shape = (sizes.hidden, sizes.depth, sizes.cells, sizes.batch)
    models = contestants(2, *shape)
    wrapped = {} if dtype == "float32" else {"wrapped": gn.training.mixed_precision}

    def made(name: str) -> Program:
        step, arguments = train_step(*models[name], **wrapped)
        program = compiled(step, *arguments)
        parameters = gn.models.count_parameters(models[name][0])
        return program._replace(figures=program.figures | {"parameters": parameters})

    # Those that need less memory first, so that a peak is of who raised it.
    order = ("equinox", "twin", "geomnet")
    making: dict[str, Callable[[], Program]] = {
        name: functools.partial(made, name) for name in order
    }
    yield from compared(making, "equinox", fill=sizes.fill)


def torch_step(sizes: Sizes) -> Rows:
    """PyTorch's beside Equinox's in the same arithmetic, which is compiled again."""
    if not _torch_unet.sees_a_gpu():
        yield "", {"skipped": "PyTorch sees no GPU"}
        return
    shape = (sizes.hidden, sizes.depth, sizes.cells, sizes.batch)
    plain = contestants(2, *shape)["equinox"]
    step, arguments = train_step(*plain, wrapped=gn.training.mixed_precision)
    channels = (4 * FLOW[2].features(2), FLOW[2].features(2))
    width = gn.Signature(sizes.hidden).features(2)
    making: dict[str, Callable[[], Program]] = {
        "equinox": functools.partial(compiled, step, *arguments),
        "torch": functools.partial(
            _torch_unet.train_step, *channels, width, *shape[1:]
        ),
    }
    yield from compared(making, "equinox", fill=sizes.fill)
