# Time and memory of filter banks, and the bars of the design. Two shared x86 cores with
# other work on them (load 3 to 7), Python 3.11, JAX 0.10.2, 2026-11-22; best of 3.
#   2D set: sizes 2, 3, 5, orders 0-2, both parities
#     and importing geomnet after equinox             0.20 to 0.47 s     < 0.5 s
#     warm, nothing cached                                   0.005 s     < 0.05 s
#   3D size 5, order 2, 48 elements                 0.013 s, 1.3 MB     < 1 s, 200 MB
#   3D size 7, order 4, 48 elements                  0.032 s, 34 MB     < 60 s
#   report: 2D size 3, 1- / 2D size 5, 2+ / 3D size 5, 2+    0.01 / 0.10 / 0.26 s
#   picture: the same three, load 7                       0.34 / 0.50 / 0.85 s   < 1 s
# Signed orbits need no linear algebra, so that imports cost more than any bank.
"""How long filter banks take, cold and warm, and how much memory they need.

Each figure is the best of three fresh processes: `python benchmarks/filters.py`.
"""

import subprocess
import sys

HEAD = "import resource, sys, time; import equinox; "
SET = (
    "[gn.filter_basis(gn.hyperoctahedral(2), f'{k}{p}', s).array "
    "for s in (2, 3, 5) for k in (0, 1, 2) for p in '+-']"
)
IMPORT = "t = time.perf_counter(); import geomnet as gn; "
TIME = "; print(time.perf_counter() - t)"
PEAK = (
    "; after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
    "print((after - before) / 1024)"
)
BEFORE = "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
START = "import geomnet as gn; t = time.perf_counter(); "
CLEAR = (
    "from geomnet.filters import _bank, _characters; "
    "[f.cache_clear() for f in (_bank._basis, _bank._pixel_orbits, "
    "_characters.window_character, _characters.tensor_character)]; "
)
DRAW = (
    "import io, sympy, geomnet as gn; from matplotlib.backends import backend_agg; "
    "from matplotlib import figure, quiver, collections; "
    "bank = gn.filter_basis(gn.hyperoctahedral({d}), '{type}', {size}); "
    "t = time.perf_counter(); "
    "gn.plot.filters(bank).savefig(io.BytesIO(), dpi=100)" + TIME
)

CASES = [
    ("2D set, and importing geomnet after equinox", "s", HEAD + IMPORT + SET + TIME),
    ("2D set, cold", "s", HEAD + START + SET + TIME),
    (
        "2D set, warm, nothing cached",
        "s",
        HEAD + "import geomnet as gn; " + SET + "; " + CLEAR
        + "t = time.perf_counter(); " + SET + TIME,
    ),
]  # fmt: skip
for size, order in [(5, 2), (7, 2), (7, 4)]:
    build = f"gn.filter_basis(gn.hyperoctahedral(3), '{order}+', {size}).array"
    name = f"3D size {size}, order {order}"
    CASES.append((name, "s", HEAD + START + build + TIME))
    memory = HEAD + "import geomnet as gn; " + BEFORE + build + PEAK
    CASES.append((f"{name}: more memory at the peak", "MB", memory))
report = "gn.filter_basis(gn.hyperoctahedral({}), '{}', {}).report()"
for d, tensor_type, size in [(2, "1-", 3), (2, "2+", 5), (3, "2+", 5)]:
    code = HEAD + "import sympy; " + START + report.format(d, tensor_type, size) + TIME
    CASES.append((f"report, {d}D size {size}, {tensor_type}", "s", code))
    draw = HEAD + DRAW.format(d=d, type=tensor_type, size=size)
    CASES.append((f"picture, {d}D size {size}, {tensor_type}", "s", draw))


def main() -> None:
    """Prints the best of three runs of every case."""
    for name, unit, code in CASES:
        command = [sys.executable, "-c", code]
        values = [
            float(
                subprocess.run(
                    command, capture_output=True, text=True, check=True
                ).stdout
            )
            for _ in range(3)
        ]
        print(f"{name:<52}{min(values):8.3f} {unit}", flush=True)


if __name__ == "__main__":
    main()
