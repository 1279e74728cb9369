"""Who made a file, with what code, and whether this code may go on with it."""

import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import Any

import jax

from ..formats._hdf5 import open_hdf5
from ..formats._own_records import CONFIG
from ._attempt import viscous_steps
from ._config import GenerateConfig

PACKAGE = Path(__file__).parents[1]


def provenance(config: GenerateConfig) -> dict[str, Any]:
    """Who made the file, with what; nothing that differs between two equal runs."""
    return {
        "generator": "pde_data",
        **_environment(),
        "seed": config.seed,
        "gamma": config.gamma,
        "viscous_steps": viscous_steps(config),
    }


def _environment() -> dict[str, Any]:
    """What two runs must have in common for their trajectories to share a file."""
    return {
        "generator_version": _version(),
        "source": source_hash(),
        "jax_version": jax.__version__,
        "platform": f"{jax.default_backend()} {platform.machine()}",
        "prng_impl": str(jax.random.key_impl(jax.random.key(0))),
        "threefry_partitionable": bool(
            getattr(jax.config, "jax_threefry_partitionable", True)
        ),
    }


@functools.cache
def source_hash() -> str:
    """The start of a hash over this package's source: the code that decides bits."""
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0")
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _version() -> str:
    try:
        return importlib.metadata.version("geomnet")
    except importlib.metadata.PackageNotFoundError:
        return "uninstalled"


def refuse_foreign(path: Path, config: GenerateConfig) -> None:
    """Raise unless the file was made, or begun, with this configuration."""
    try:
        with open_hdf5(path) as file:
            text = file.attrs.get(CONFIG)
    except ValueError as error:
        raise FileExistsError(
            f"{error} It is in the way: move it, or choose another path."
        ) from error
    if text is None:
        raise FileExistsError(
            f"{path} was not made by pde_data; choose another path, or move it away."
        )
    differences = config.differences(GenerateConfig.from_json(str(text)))
    if differences:
        listed = "; ".join(
            f"{name} is {theirs!r} there and {mine!r} here"
            for name, (mine, theirs) in differences.items()
        )
        raise FileExistsError(
            f"{path} holds another configuration ({listed}); choose another path, or "
            "delete it to generate anew."
        )


def refuse_other_version(path: Path) -> None:
    """Raise unless this code on this platform gives the bits that `path` began with."""
    now = _environment()
    with open_hdf5(path) as file:
        begun = {name: file.attrs.get(name) for name in now}
    changed = [name for name in now if begun[name] != now[name]]
    if changed:
        listed = "; ".join(
            f"{name} {begun[name]} then, {now[name]} now" for name in changed
        )
        raise FileExistsError(
            f"{path} was begun by another version, platform or setting of random "
            f"numbers ({listed}), whose trajectories may have other bits; finish it "
            "there, or delete it to begin anew."
        )
