"""Writes one checkpoint of every network and of all layers, and what they then give.

The files in a folder here are of the commit that the folder is named after:

    git worktree add ../old 83c14d6
    PYTHONPATH=../old python tests/checkpoints/write.py tests/checkpoints/83c14d6

`tests/geomnet/training/test_old_checkpoints.py` reads them with the code of today.
"""

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import geomnet as gn
from geomnet import nn

FLOW = gn.Signature("density:0+ velocity:1+")
GROUP = gn.hyperoctahedral(2)
WALLS = ((nn.Boundary.SLIP, nn.Boundary.SLIP), nn.Boundary.PERIODIC)


def networks() -> dict[str, Any]:
    """One of each, small, with other numbers than those of its key."""
    source, hidden, key = 2 * FLOW, "2x0+ 2x1+ 1x0-", jax.random.key(0)
    options: dict[str, Any] = {"hidden": hidden, "key": key}
    return {
        "unet": gn.Residual(gn.UNet(GROUP, source, FLOW, depth=1, **options)),
        "res_unet": gn.ResUNet(
            gn.reflections(2), source, FLOW, depth=1, boundary=WALLS, **options
        ),
        "resnet": gn.ResNet(GROUP, source, FLOW, num_blocks=1, **options),
        "dilated": gn.DilatedResNet(
            GROUP, source, FLOW, num_blocks=1, dilations=(1, 2), **options
        ),
        "fno": gn.FNO(GROUP, source, FLOW, modes=2, num_blocks=1, **options),
    }


def layers() -> tuple[Any, ...]:
    """Layers that take what the one before them gives, on 8 x 8 cells and back."""
    fields, keys = "2x0+ 2x1+ 1x0-", iter(jax.random.split(jax.random.key(1), 12))
    pair: dict[str, Any] = {"in_signature": fields, "out_signature": fields}
    return (
        nn.Conv(GROUP, FLOW, fields, key=next(keys)),
        nn.GroupNorm(GROUP, fields, 1),
        nn.Gate(GROUP, fields, key=next(keys)),
        nn.Down(GROUP, **pair, key=next(keys)),
        nn.InstanceNorm(GROUP, fields),
        nn.NormActivation(GROUP, fields),
        nn.Up(GROUP, **pair, key=next(keys)),
        nn.LayerNorm(GROUP, fields),
        nn.VectorNeuron(GROUP, fields, key=next(keys)),
        nn.Conv(GROUP, **pair, size=4, stride=2, key=next(keys)),
        nn.MeanBias(GROUP, fields),
        nn.ConvTranspose(GROUP, **pair, key=next(keys)),
        nn.SpectralConv(GROUP, **pair, modes=2, key=next(keys)),
        nn.TensorProduct(GROUP, **pair, key=next(keys)),
        nn.Conv(GROUP, "2x0+ 2x1+", "2x0+ 2x1+", channel_groups=2, key=next(keys)),
        nn.Linear(GROUP, "2x0+ 2x1+", FLOW, key=next(keys)),
    )


def through(chain: tuple[Any, ...], image: gn.GeometricImage) -> gn.GeometricImage:
    """What the layers make of an image; what a layer does not take is left out."""
    for layer in chain:
        wanted = getattr(layer, "in_signature", image.signature)
        if wanted != image.signature:
            kept = [image[t].reshape(*image.grid, -1) for t in wanted.types]
            image = gn.GeometricImage(wanted, jnp.concatenate(kept, -1))
        image = layer(image)
    return image


def image_of(signature: gn.Signature) -> gn.GeometricImage:
    """Normal numbers on 8 x 8 cells, by NumPy."""
    shape = (8, 8, signature.features(2))
    numbers = np.random.default_rng(0).normal(size=shape)
    return gn.GeometricImage(signature, jnp.asarray(numbers, jnp.float32))


def main(folder: Path) -> None:
    """Writes the checkpoints and `outputs.npz` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    outputs = {}
    for name, net in networks().items():
        net = gn.testing.perturb(net, key=jax.random.key(2))
        state = gn.training.start_training(
            net,
            gn.training.make_optimiser(learning_rate=1e-3, total_steps=10),
            key=jax.random.key(3),
        )
        # It has moved.
        place: Any = gn.models if hasattr(gn.models, "describe_model") else gn.testing
        model = place.describe_model(net)
        metadata = {"model": model, "history": {"training": [[1, 0.5]]}}
        gn.training.save_checkpoint(folder / f"{name}.ckpt", state, metadata)
        outputs[name] = np.asarray(net(image_of(2 * FLOW)).array)
    chain = gn.testing.perturb(layers(), key=jax.random.key(4))
    gn.training.save_checkpoint(folder / "layers.ckpt", chain)
    outputs["layers"] = np.asarray(through(chain, image_of(FLOW)).array)
    np.savez_compressed(folder / "outputs.npz", **outputs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
