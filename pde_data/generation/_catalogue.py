"""What there is to choose from: families, schemes and formats, in words and as data."""

from typing import Any

from ..formats._registry import FORMATS
from ..solver._schemes import SCHEMES
from ._families import FAMILIES

# What each scheme is good for; `SCHEMES` says what it is made of.
GOOD_FOR = {
    "muscl": "second order: fast, robust at shocks; the default",
    "muscl-low-mach": "the same with less dissipation below Mach 0.3",
    "weno5z": "from cell averages: sharper than MUSCL, of second order in 2D and 3D",
    "aweno5z": "fifth order in smooth flow, whatever the number of axes",
    "aweno5z-low-mach": "the same with less dissipation below Mach 0.3",
    "safe": "most dissipation, density and pressure stay positive; the last resort",
}


def catalogue() -> dict[str, dict[str, Any]]:
    """All families, schemes and formats by name, as JSON can say it."""
    families = {
        name: {
            "summary": family.summary,
            "settings": family.settings,
            "box": family.box,
            "least_axes": family.least_axes,
            "forced": family.forcing is not None,
            "parameters": family.parameters,
            "source": family.source,
        }
        for name, family in FAMILIES.items()
    }
    schemes = {
        name: {
            "summary": GOOD_FOR.get(name, ""),
            "courant_number": parts.get("courant_number"),
        }
        for name, parts in SCHEMES.items()
    }
    formats = {name: {"signs": format.signs} for name, format in FORMATS.items()}
    return {"families": families, "schemes": schemes, "formats": formats}


def listing() -> str:
    """The catalogue as lines of text."""
    found = catalogue()
    lines = ["Families (--family), with the settings that hold where none are given:"]
    for name, family in found["families"].items():
        settings = family["settings"]
        lines += [
            "",
            f"  {name}: {family['summary']}",
            f"    --mach {settings['mach']:g} --eta {settings['shear_viscosity']:g} "
            f"--zeta {settings['bulk_viscosity']:g} "
            f"--final-time {settings['final_time']:g}; {family['box']} box, "
            f"{'1 to 3' if family['least_axes'] == 1 else '2 or 3'} axes"
            f"{', with a force' if family['forced'] else ''}",
        ]
        if family["parameters"]:
            values = ", ".join(f"{k} {v}" for k, v in family["parameters"].items())
            lines.append(f"    in pde_data.initial: {values}")
        if family["source"]:
            lines.append(f"    {family['source']}")
    lines += ["", "Schemes (--scheme):", ""]
    lines += [f"  {name}: {s['summary']}" for name, s in found["schemes"].items()]
    lines += ["", "Formats (--format):", ""]
    lines += [f"  {name}: {f['signs']}" for name, f in found["formats"].items()]
    return "\n".join(lines)
