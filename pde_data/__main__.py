"""`python -m pde_data`: see `_cli.py`."""

from ._cli import main
from ._command_line import as_program

if __name__ == "__main__":
    as_program(main)
