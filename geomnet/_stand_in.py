"""What takes a layer's place inside a copy of a model, to watch it or to change it.

The model's own code runs as it is and may ask `isinstance(self.layer, Conv)`, or read
any attribute of the layer. A wrapper class could not say yes; so a stand-in answers as
the layer that it stands for, its class included (`isinstance` asks `__class__` too).
Copies of models with stand-ins live for one call and are never given to a user.
"""

from typing import Any


class StandIn:
    """Passes for the layer it stands for; what it does when called, subclasses say."""

    def __init__(self, layer: Any):
        self._layer = layer

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return type(self._layer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)
