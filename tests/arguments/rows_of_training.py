"""For each function of training, and each file of it, of `geomnet` arguments that are
right.
"""

import importlib
import sys
import types
from typing import Any

import jax
import jax.numpy as jnp
import optax
from rows_of_networks import FLOW, FOLDER, FRAMES, IMAGE, KEY, LAYER, MOVIE, NET

import geomnet as gn

# What logs need and may not be installed: nothing here is written with it.
for _name in ("tensorboardX", "wandb"):
    try:
        importlib.import_module(_name)
    except ImportError:
        sys.modules[_name] = types.ModuleType(_name)

WINDOWS = gn.Windows(FLOW, FRAMES, 1)
ADAM = optax.adam(1e-3)
CHECKPOINT = FOLDER / "layer.ckpt"
gn.training.save_checkpoint(CHECKPOINT, LAYER)
SAVED = FOLDER / "net.ckpt"
gn.save(NET, SAVED)


def loss(model, batch):
    history, target = batch
    return gn.training.smse(jax.vmap(model)(history), target).mean()


def conditioned(image, *parameters):
    return image


ROWS: dict[str, dict[str, Any]] = {
    # Files.
    "geomnet.load": {"path": SAVED, "classes": ()},
    "geomnet.save": {
        "model": NET,
        "path": FOLDER / "again.net",
        "metadata": None,
        "classes": (),
        "overwrite": True,
    },
    # Parts of a run.
    "geomnet.training.CSVLog": {"path": FOLDER / "log.csv"},
    "geomnet.training.Curriculum": {"losses": {0: loss}},
    "geomnet.training.EarlyStopping": {
        "metric": "smse",
        "patience": 5,
        "least_gain": 0.0,
    },
    "geomnet.training.JSONLog": {"path": FOLDER / "log.jsonl"},
    "geomnet.training.Keep": {"best": "smse", "every": 5},
    "geomnet.training.Loading": {"on_device": None, "prefetch": None},
    "geomnet.training.RolloutMetric": {"metric": gn.training.smse, "num_steps": 2},
    "geomnet.training.TensorBoardLog": {"folder": FOLDER / "board"},
    "geomnet.training.WandbLog": {},
    # Losses, and several models at once.
    "geomnet.training.accumulate": {"loss": loss, "num_parts": 2},
    "geomnet.training.augmented": {"loss": loss, "group": gn.hyperoctahedral(2)},
    "geomnet.training.loss_of_members": {"loss": loss},
    "geomnet.training.mixed_precision": {"loss": loss, "dtype": jnp.bfloat16},
    "geomnet.training.optimiser_of_members": {"optimiser": ADAM},
    "geomnet.training.unrolled": {
        "metric": gn.training.smse,
        "num_steps": None,
        "gradient": "all",
        "noise": 0.0,
        "random_shifts": False,
    },
    "geomnet.training.unstack_models": {
        "stacked": gn.training.stack_models([LAYER, LAYER])
    },
    # Training.
    "geomnet.training.batches": {
        "num_samples": 4,
        "batch_size": 2,
        "key": KEY,
        "start": 0,
    },
    "geomnet.training.evaluate": {
        "model": LAYER,
        "windows": WINDOWS,
        "metrics": {"smse": gn.training.smse},
        "batch_size": 2,
        "call": None,
        "mesh": None,
    },
    "geomnet.training.fit": {
        "model": LAYER,
        "loss": loss,
        "windows": WINDOWS,
        "optimiser": ADAM,
        "num_steps": 1,
        "batch_size": 2,
        "key": KEY,
        "average": None,
        "validation": WINDOWS,
        "validation_metrics": None,
        "validate_every": 100,
        "call": None,
        "early_stopping": None,
        "mesh": None,
        "checkpoint": None,
        "keep": None,
        "metadata": None,
        "restart": False,
        "loading": gn.training.Loading(),
        "callbacks": (),
        "name": "training",
        "progress": False,
    },
    "geomnet.training.load_checkpoint": {"path": CHECKPOINT, "like": LAYER},
    "geomnet.training.load_weights": {"path": CHECKPOINT, "model": LAYER},
    "geomnet.training.make_optimiser": {
        "learning_rate": 1e-3,
        "total_steps": 10,
        "warmup_steps": 1,
        "weight_decay": 0.0,
        "gradient_clip": 1.0,
    },
    "geomnet.training.make_train_step": {"loss": loss, "optimiser": ADAM},
    "geomnet.training.predict": {
        "model": conditioned,
        "histories": MOVIE,
        "num_steps": 1,
        "*inputs": (),
        "mesh": None,
    },
    "geomnet.training.read_metadata": {"path": CHECKPOINT},
    "geomnet.training.rollout": {
        "model": conditioned,
        "history": IMAGE,
        "num_steps": 1,
        "*inputs": (),
        "key": None,
    },
    "geomnet.training.save_checkpoint": {
        "path": FOLDER / "again.ckpt",
        "state": LAYER,
        "metadata": None,
    },
    "geomnet.training.shifted": {"model": conditioned, "key": KEY},
    "geomnet.training.stack_models": {"models": [LAYER, LAYER]},
    "geomnet.training.start_training": {
        "model": LAYER,
        "optimiser": ADAM,
        "key": KEY,
        "average": None,
    },
    "geomnet.training.unit_variance": {
        "model": LAYER,
        "inputs": MOVIE,
        "output_scale": 1.0,
        "call": None,
    },
}
