"""What kind of device is computed on."""

import jax


def is_accelerator() -> bool:
    """Whether arithmetic is cheap beside reading and writing fields: on all but CPUs.

    Asked where something is traced; what it decides is one function, to rounding.
    """
    return jax.default_backend() != "cpu"
