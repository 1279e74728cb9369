"""What XLA plans for a UNet's train step on a GPU that is not there.

    pip install 'jax[cuda13]'
    python benchmarks/planned.py [--grid 128] [--batch 16] [--depth 4]
    python benchmarks/planned.py --only geomnet --dtypes bfloat16

Compiles ahead of time for an H100, on a machine without one: temporary arrays in bytes,
kernels (fusions, copies and calls of libraries), and the bytes that these read and
write, each argument and result once and whole, scratch memory of libraries not counted.
Nothing is run. Without a card nothing is tuned, so kernels may be others there; planned
bytes were the same on an H200 to 1 % (float32) and 6 % (bfloat16).
"""

import argparse
import os
import re
import time
from collections.abc import Iterator
from typing import Any

# Read by JAX and XLA when they start.
os.environ.setdefault("JAX_SKIP_CUDA_CONSTRAINTS_CHECK", "1")
os.environ["XLA_FLAGS"] = " ".join(
    [
        os.environ.get("XLA_FLAGS", ""),
        # Both time kernels on a card.
        "--xla_gpu_autotune_level=0",
        "--xla_gpu_enable_triton_gemm=false",
    ]
)

import jax
from _plain_unet import contestants, train_step
from jax.experimental import topologies

import geomnet as gn

H100 = """
gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32 shared_memory_per_block: 49152
  shared_memory_per_core: 233472 threads_per_core_limit: 2048 core_count: 132
  fpus_per_core: 128 block_dim_limit_x: 2147483647 block_dim_limit_y: 65535
  block_dim_limit_z: 65535 memory_bandwidth: 3352320000000 l2_cache_size: 52428800
  clock_rate_ghz: 1.98 device_memory_size: 84929347584
  shared_memory_per_block_optin: 232448 cuda_compute_capability { major: 9 }
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
}
runtime_version { major: 13 }
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 12 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""
BYTES = {"f32": 4, "bf16": 2, "f64": 8, "s32": 4, "u32": 4, "pred": 1, "s8": 1, "u8": 1}
NO_KERNELS = ("parameter", "get-tuple-element", "tuple", "bitcast", "constant")
INSTRUCTION = re.compile(
    r"\s+(?:ROOT )?%?(?P<name>[\w.-]+) = (?P<type>\(.*?\)|\S+) (?P<kind>[\w-]+)"
    r"\((?P<given>[^)]*)\)(?P<rest>.*)"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--grid", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--hidden", default="16x0+ 24x1+")
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    names = ("equinox", "twin", "geomnet")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    args = parser.parse_args()
    # Samples of one, in numbers: the batch is there only as a shape.
    models = contestants(2, args.hidden, args.depth, args.grid, 1)
    steps = {
        (dtype, name): train_step(*models[name], **wrapping(dtype))
        for dtype in args.dtypes
        for name in args.only
    }
    topology = topologies.get_topology_desc(
        "h100", "cuda", target_config=H100, topology="1x1x1"
    )
    device = jax.sharding.SingleDeviceSharding(topology.devices[0])
    jax.default_backend = lambda: "gpu"  # what layers ask for
    print(f"UNet of {args.hidden}, depth {args.depth}, {args.grid}^2, {args.batch}")
    for (dtype, name), (step, given) in steps.items():
        weights, state, *samples = given
        shapes = (
            *shaped((weights, state), device),
            *shaped(samples, device, args.batch),
        )
        began = time.perf_counter()
        program = step.lower(*shapes).compile()
        seconds = time.perf_counter() - began
        planned = program.memory_analysis().temp_size_in_bytes
        moved = list(kernels(program.as_text()))
        print(
            f"{dtype:8s} {name:8s} temporary {planned / 1e9:5.2f} GB, {len(moved)} "
            f"kernels move {sum(moved) / 1e9:5.1f} GB, compiled in {seconds:.0f} s",
            flush=True,
        )


def wrapping(dtype: str) -> dict[str, Any]:
    """How the loss of `train_step` is wrapped for a precision."""
    return {} if dtype == "float32" else {"wrapped": gn.training.mixed_precision}


def shaped(tree: Any, device: Any, batch: int | None = None) -> Any:
    """The arrays of a tree as shapes on a device; of samples so many."""

    def one(array: jax.Array) -> jax.ShapeDtypeStruct:
        shape = array.shape if batch is None else (batch, *array.shape[1:])
        return jax.ShapeDtypeStruct(shape, array.dtype, sharding=device)

    return jax.tree.map(one, tree)


def kernels(program: str) -> Iterator[int]:
    """The bytes that each kernel of an optimised program reads and writes."""
    sizes: dict[str, int] = {}
    for line in program[program.index("\nENTRY") :].splitlines():
        if not (found := INSTRUCTION.match(line)):
            continue
        types = found["type"]
        if "custom_call_target" in found["rest"]:
            types = re.sub(r"[su]8\[\d+\]", "", types)
        sizes[found["name"]] = num_bytes(types)
        if found["kind"] not in NO_KERNELS:
            read = set(re.findall(r"%([\w.-]+)", found["given"]))
            yield sizes[found["name"]] + sum(sizes.get(name, 0) for name in read)


def num_bytes(types: str) -> int:
    """Of an array, or of all of a tuple, in XLA's notation."""
    total = 0
    for dtype, sides in re.findall(r"(\w+)\[([\d,]*)\]", types):
        size = BYTES.get(dtype, 0)
        for side in filter(None, sides.split(",")):
            size *= int(side)
        total += size
    return total


if __name__ == "__main__":
    main()
