"""What a UNet's train step keeps for its backward pass, against a plain one.

    python benchmarks/saved.py [--grid 128] [--batch 16] [--depth 4]

The bytes of what JAX's own reverse mode closes over, weights and samples included, as
on an accelerator. Nothing is compiled or run, so they are not what XLA makes of it, for
which see `planned.py`. "all kept": without recomputation.
"""

import argparse
import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import equinox as eqx
import jax
from _plain_unet import contestants

import geomnet as gn
from geomnet.models import _norm as blocks
from geomnet.nn import _activation, _norm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--hidden", default="16x0+ 24x1+")
    args = parser.parse_args()
    models = contestants(2, args.hidden, args.depth, args.grid, args.batch)
    net, x, _ = models["geomnet"]
    plain, plain_x, _ = models["equinox"]

    def ours(**options: Any) -> gn.UNet:
        return eqx.filter_eval_shape(
            lambda: gn.UNet(
                net.group,
                net.in_signature,
                net.out_signature,
                hidden=args.hidden,
                depth=args.depth,
                key=jax.random.key(0),
                **options,
            )
        )

    for dtype in ("float32", "bfloat16"):
        whole = saved_bytes(plain, plain_x, dtype)
        print(f"{dtype}: equinox {whole / 1e9:.2f} GB")
        for norm in ("restored", "layer"):
            with all_kept():
                before = saved_bytes(ours(norm=norm), x, dtype)
            now = saved_bytes(ours(norm=norm), x, dtype)
            again = saved_bytes(ours(norm=norm, remat=True), x, dtype)
            rows = {"all kept": before, "geomnet": now, "remat": again}
            for name, found in rows.items():
                ratio = found / whole
                print(f"  {norm:8s} {name:8s} {found / 1e9:5.2f} GB, {ratio:.2f}")


def saved_bytes(model: Any, x: Any, dtype: str) -> int:
    """Of a model in that precision on a batch, for the gradient of its weights."""
    model, x = (cast(tree, dtype) for tree in (model, x))
    arrays, rest = eqx.partition(model, is_floating)

    def run(arrays: Any, x: Any) -> Any:
        return jax.vmap(eqx.combine(arrays, rest))(x)

    def back(arrays: Any, x: Any) -> Any:
        return jax.vjp(lambda arrays: run(arrays, x), arrays)[1]

    with mock.patch.object(jax, "default_backend", return_value="gpu"):
        kept = jax.eval_shape(back, arrays, x)
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(kept))


@contextlib.contextmanager
def all_kept() -> Iterator[None]:
    """Gates, norms and what they lead to without recomputation."""

    def plainly(run: Callable[..., Any], _: Any, *arguments: Any) -> Any:
        return run(*arguments)

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(blocks, "joined", plainly))
        for module, name in ((_activation, "_gated"), (_norm, "_normalised")):
            function = getattr(module, name).__wrapped__
            stack.enter_context(mock.patch.object(module, name, function))
        yield


def is_floating(leaf: Any) -> bool:
    """Whether a leaf is an array of such numbers, or the shape of one."""
    dtype = getattr(leaf, "dtype", None)
    return dtype is not None and jax.numpy.issubdtype(dtype, jax.numpy.floating)


def cast(tree: Any, dtype: str) -> Any:
    """The shapes of a tree in another precision."""
    return jax.tree.map(
        lambda leaf: (
            jax.ShapeDtypeStruct(leaf.shape, jax.numpy.dtype(dtype))
            if is_floating(leaf)
            else leaf
        ),
        tree,
    )


if __name__ == "__main__":
    main()
