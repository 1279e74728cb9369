"""What the box of a configuration's family keeps, and what pushes in it."""

from ._config import GenerateConfig
from ._families import FAMILIES


def boundary_names(config: GenerateConfig) -> list[str]:
    """ "periodic", "wall" or "open" for each axis of the family's box."""
    names = {"periodic": "periodic", "closed": "wall", "open": "open"}
    box, d = FAMILIES[config.family].box, len(config.grid)
    return [*["periodic"] * (d - 1), "wall"] if box == "walled" else [names[box]] * d


def is_forced(config: GenerateConfig) -> bool:
    """Whether a force acts on the family's gas.

    Of a family that is not known, it is not known either that nothing pushes.
    """
    family = FAMILIES.get(config.family)
    return family is None or family.forcing is not None


def kept_totals(config: GenerateConfig) -> tuple[str, ...]:
    """What the family's box keeps, of "mass", "momentum" and "energy"."""
    if config.family not in FAMILIES:
        return ()
    kinds = boundary_names(config)
    if "open" in kinds:
        return ()
    if "wall" in kinds or is_forced(config):
        return ("mass",)
    return ("mass", "momentum", "energy")


def check_family(config: GenerateConfig) -> None:
    """Refuse the family of a file that was made where more families are registered."""
    if config.family not in FAMILIES:
        raise ValueError(
            f"`family` {config.family!r} is not among pde_data.FAMILIES: register it "
            "there first."
        )
