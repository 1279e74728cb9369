"""A backend that rounds the factors of products, as GPUs and TPUs do, on the CPU."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import jax
from jax.extend.core.primitives import conv_general_dilated_p, dot_general_p
from jax.interpreters import mlir
from jaxlib.mlir.dialects import stablehlo

TF32, BFLOAT16 = 10, 7
"""Bits behind the point of a factor of a product."""


@contextmanager
def coarse_products(bits: int, obeys: bool = True) -> Iterator[None]:
    """Factors of products and convolutions are rounded before they are multiplied.

    **Arguments:** `obeys`: whether products that ask for the highest precision get it;
    else the backend has nothing better.
    """
    tables = [mlir._lowerings, mlir._platform_specific_lowerings["cpu"]]
    with mock.patch.dict(tables[0]), mock.patch.dict(tables[1]):
        for table in tables:
            for primitive in (dot_general_p, conv_general_dilated_p):
                if primitive in table:
                    entry = table[primitive]
                    rule = _rounding(entry.rule, bits, obeys)
                    table[primitive] = dataclasses.replace(entry, rule=rule)
        jax.clear_caches()
        yield
    jax.clear_caches()


def _rounding(rule: Any, bits: int, obeys: bool) -> Any:
    def lower(ctx: Any, left: Any, right: Any, **params: Any) -> Any:
        is_full = params["precision"] == (jax.lax.Precision.HIGHEST,) * 2
        if not (is_full and obeys) and ctx.avals_in[0].dtype == "float32":
            exponent, mantissa = map(mlir.i32_attr, (8, bits))
            left, right = (
                stablehlo.reduce_precision(factor, exponent, mantissa)
                for factor in (left, right)
            )
        return rule(ctx, left, right, **params)

    return lower
