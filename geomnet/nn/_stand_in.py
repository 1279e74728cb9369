"""What takes a layer's place inside a copy of a model."""

from typing import Any


class StandIn:
    """Passes for the layer it stands for; what it does when called, subclasses say."""

    def __init__(self, layer: Any):
        self._layer = layer

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        # So that `isinstance(layer, Conv)` in a model's own code stays true.
        return type(self._layer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)
