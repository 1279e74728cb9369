"""The page on devices is executed: its blocks run, in order, on four of them."""

import pytest

from .pages import QUICKLY, blocks_of, run_python

BLOCKS = blocks_of("devices.md")
FOUR = "--xla_force_host_platform_device_count=4"


@pytest.mark.slow
def test_every_block_runs_in_order(tmp_path):
    assert len(BLOCKS) == 2
    flags = f"{FOUR} {QUICKLY['XLA_FLAGS']}"
    run_python("-c", "\n".join(BLOCKS), cwd=tmp_path, XLA_FLAGS=flags)
