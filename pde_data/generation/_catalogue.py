"""What there is to choose from: families, schemes and formats, in words and as data."""

import dataclasses
from typing import Any

import numpy as np

from ..formats._registry import FORMATS
from ..solver._schemes import SCHEMES
from ._config import GenerateConfig
from ._families import FAMILIES

# What each scheme is good for; `SCHEMES` says what it is made of.
GOOD_FOR = {
    "muscl": "second order: fast, robust at shocks; the default",
    "muscl-low-mach": "the same with less dissipation below Mach 0.3",
    "weno5z": "from cell averages: sharper than MUSCL, of second order in 2D and 3D",
    "aweno5z": "fifth order in smooth flow in 1D to 3D, fourth in viscous terms",
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


def settings_in_words(config: GenerateConfig) -> dict[str, str]:
    """The settings of a configuration by name, but for what the file itself shows."""
    shown_by_the_file = ("grid", "trajectories", "snapshots", "final_time", "shard")
    changes_no_bit = ("batch",)
    words = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if value is None or field.name in (*shown_by_the_file, *changes_no_bit):
            continue
        if isinstance(value, tuple):
            drawn = field.metadata["kind"].drawn
            text = (" to " if drawn else " x ").join(f"{x:g}" for x in value)
            value = f"{text}, log-uniform" if drawn else text
        words[field.name] = f"{value:g}" if isinstance(value, float) else str(value)
    return words


def repeats_setting(name: str, value: Any, config: GenerateConfig) -> bool:
    """Whether a parameter in our own file repeats a setting.

    The one value for all trajectories is NaN where each has its own.
    """
    fields = dataclasses.fields(config)
    symbols = {field.metadata["symbol"]: field.name for field in fields}
    name = (symbols | {"M": "mach"}).get(name, name)
    if name not in {field.name for field in fields}:
        return False
    setting, values = getattr(config, name), np.asarray(value)
    if isinstance(setting, tuple):
        return values.ndim == 0 and values.dtype.kind == "f" and bool(np.isnan(values))
    return bool(np.all(values == np.asarray(setting)))


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
    for name, scheme in found["schemes"].items():
        number = scheme["courant_number"]
        courant = "" if number is None else f"; --courant-number {number:g}"
        lines.append(f"  {name}: {scheme['summary']}{courant}")
    lines += ["", "Formats (--format):", ""]
    lines += [f"  {name}: {f['signs']}" for name, f in found["formats"].items()]
    return "\n".join(lines)
