"""The equivariant UNet against plain ones of equal component count.

    python benchmarks/unet.py [--dims 2] [--batch 4] [--hidden "16x0+ 16x1+"]
    python benchmarks/unet.py --memory      # peak memory, in processes of their own

The plain UNets have the same levels, blocks and sizes: "equinox" of `equinox.nn.Conv`
with circular padding, `GroupNorm(1)` and silu, channels first; "twin" is
`geomnet.twin(net)`, channels last. One train step is loss, gradient and an AdamW
update. Times by the clock, and in seconds of all cores ("cpu"), the steadier figure on
a shared machine. Results: benchmarks/README.md.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile

import jax
from _measure import interleaved, machine, once
from _plain_unet import contestants, forward, train_step

import geomnet as gn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dims", type=int, default=2, choices=[2, 3])
    parser.add_argument("--grid", type=int, help="cells a side; 64 in 2D, 32 in 3D")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--hidden", default="16x0+ 16x1+")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    args = parser.parse_args()
    grid = args.grid or {2: 64, 3: 32}[args.dims]
    shape = (args.dims, args.hidden, args.depth, grid, args.batch)
    if args.alone:
        print(peak(args.alone, *shape))
        return
    models = contestants(*shape)
    components = models["geomnet"][0].hidden.features(args.dims)
    print(machine())
    print(
        f"hidden {args.hidden} ({components} components), depth {args.depth}, "
        f"{grid}^{args.dims}, batch {args.batch}"
    )
    if args.memory:
        memory(list(models))
        return
    passes, steps = {}, {}
    for name, (model, x, y) in models.items():
        passes[name] = forward(model, x)
        step, arguments = train_step(model, x, y)
        steps[name] = lambda step=step, arguments=arguments: step(*arguments)
        seconds = once(steps[name])
        print(
            f"  {name:8s} {gn.models.count_parameters(model):9d} parameters, train "
            f"step traced and compiled in {seconds.wall:.1f} s (cpu {seconds.cpu:.1f})",
            flush=True,
        )
    for what, functions in (("forward", passes), ("train step", steps)):
        seconds = interleaved(functions, args.repeats)
        times = ", ".join(f"{name} {taken}" for name, taken in seconds.items())
        print(f"  {what}: {times}")
        ours = seconds["geomnet"]
        for other in ("twin", "equinox"):
            wall, cpu = (a / b for a, b in zip(ours, seconds[other], strict=True))
            print(f"    geomnet / {other} = {wall:.2f} (cpu {cpu:.2f})", flush=True)


def memory(names: list[str]) -> None:
    """Peak resident memory of a train step, and the temporary arrays that XLA plans.

    Each contestant runs twice, the second time with the program that the first
    compiled: what compiling takes would hide what the step takes.
    """
    command = [sys.executable, __file__, *sys.argv[1:]]
    with tempfile.TemporaryDirectory() as cache:
        environment = {
            **os.environ,
            "JAX_COMPILATION_CACHE_DIR": cache,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        for name in names:
            runs = [
                subprocess.run(
                    [*command, "--alone", name],
                    capture_output=True,
                    text=True,
                    check=True,
                    env=environment,
                )
                for _ in range(2)
            ]
            print(f"  {name:8s} {runs[-1].stdout.strip()}", flush=True)


def peak(name: str, *shape: int | str) -> str:
    """What one train step needs, in a process of its own."""
    step, arguments = train_step(*contestants(*shape)[name])  # pyright: ignore
    compiled = step.lower(*arguments).compile()
    planned = compiled.memory_analysis().temp_size_in_bytes / 2**20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    for _ in range(3):
        jax.block_until_ready(compiled(*arguments))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return (
        f"peak {after:.0f} MB, {after - before:.0f} MB of it for the step; temporary "
        f"arrays planned: {planned:.0f} MB"
    )


if __name__ == "__main__":
    main()
