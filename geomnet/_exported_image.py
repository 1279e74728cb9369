"""How `jax.export` writes down that a function takes or gives a `GeometricImage`."""

import json
from typing import Any

import jax
import jax.export

from ._image import GeometricImage
from ._signature import Signature


def _to_bytes(static: Any) -> bytes:
    # Whatever Equinox keeps beside the array: the image says it again.
    leaf: Any = jax.tree.structure(0)
    structure = leaf.from_node_data_and_children(
        jax.tree_util.default_registry, (GeometricImage, static), [leaf]
    )
    image = jax.tree.unflatten(structure, [None])
    return json.dumps([str(image.signature), image.num_spatial_dims]).encode()


def _from_bytes(written: bytes) -> Any:
    text, d = json.loads(written)
    signature = Signature(text)
    array = jax.ShapeDtypeStruct((*(1,) * d, signature.features(d)), "float32")
    data: Any = jax.tree.structure(GeometricImage(signature, array, d)).node_data()
    return data[1]


# As the class itself is registered with JAX where it is defined.
jax.export.register_pytree_node_serialization(
    GeometricImage,
    serialized_name="geomnet.GeometricImage",
    serialize_auxdata=_to_bytes,
    deserialize_auxdata=_from_bytes,
)
