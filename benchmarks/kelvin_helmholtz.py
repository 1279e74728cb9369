"""The growth rate of McNally's shear layer at rising resolution: its converged value.

python benchmarks/kelvin_helmholtz.py [--cells 64 128 256 512]
"""

import argparse
import time

import numpy as np

from pde_data.verification._layers import growth_rate


def main():
    """Print the rates, their orders, and what they tend to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="+", default=[64, 128, 256, 512])
    parser.add_argument("--scheme", default="aweno5z")
    options = parser.parse_args()
    rates = []
    for n in options.cells:
        begin = time.process_time()
        rates.append(growth_rate(options.scheme, n))
        seconds = time.process_time() - begin
        print(
            f"{options.scheme} {n:5} {rates[-1]:.6f}  {seconds:.0f} s cpu", flush=True
        )
    steps = np.diff(rates)
    for n, ratio in zip(options.cells[1:], steps[:-1] / steps[1:], strict=False):
        print(f"order around {n}: {np.log2(abs(ratio)):.2f}")


if __name__ == "__main__":
    main()
