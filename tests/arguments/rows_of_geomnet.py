"""For each public callable of `geomnet` arguments that are right."""

import fractions
import pathlib
import tempfile
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import optax

matplotlib.use("Agg")

import matplotlib.pyplot as plt

import geomnet as gn
from geomnet import nn

SQUARE, KEY = gn.hyperoctahedral(2), jax.random.key(0)
FLOW = gn.Signature("s:0+ v:1+")
IMAGE = gn.random_image(FLOW, (4, 4), key=KEY)
FRAMES = np.random.default_rng(0).normal(size=(2, 5, 4, 4, 3)).astype(np.float32)
MOVIE = gn.GeometricImage(FLOW, FRAMES[0], 2)
BANK = gn.filter_basis(SQUARE, "0+", 3)
LAYER = nn.Linear(SQUARE, FLOW, FLOW, key=KEY)
NET = gn.ResNet(SQUARE, FLOW, FLOW, hidden=FLOW, num_blocks=1, key=KEY)
WINDOWS = gn.Windows(FLOW, FRAMES, 1)
ADAM = optax.adam(1e-3)
FOLDER = pathlib.Path(tempfile.mkdtemp())
CHECKPOINT = FOLDER / "layer.ckpt"
gn.training.save_checkpoint(CHECKPOINT, LAYER)
FACES = nn.as_faces(nn.Boundary.PERIODIC, 2)
AXES = plt.figure().gca()
PERIODIC = nn.Boundary.PERIODIC


class Flow:
    """The least that data must be."""

    fields = (gn.Entry("s", 1, gn.TensorType(0, 1)),)
    num_spatial_dims = 2

    def __getitem__(self, name):
        return FRAMES[..., 0]


class Scalar:
    name, order, parity = "s", 0, 1


Flow.fields = (Scalar(),)


def loss(model, batch):
    history, target = batch
    return gn.training.smse(jax.vmap(model)(history), target).mean()


def conditioned(image, *parameters):
    return image


TYPED = {"group": SQUARE, "signature": FLOW}
FROM_TO = {"group": SQUARE, "in_signature": FLOW, "out_signature": FLOW}
DRAWN = {"key": KEY, "dtype": None}
NETWORK = {**FROM_TO, "hidden": FLOW, **DRAWN}
WINDOWED = {"boundary": PERIODIC, "remaining": None}
MEASURED = {
    "f": LAYER,
    "x": IMAGE,
    "group": SQUARE,
    "in_signature": None,
    "out_signature": None,
    "feature_axis": -1,
}
ERROR = {"path": "layer", "y": IMAGE, "error": jnp.zeros(()), "tolerance": 1e-4}

ROWS: dict[str, dict[str, Any]] = {
    "geomnet.Entry": {"name": "s", "channels": 1, "type": gn.TensorType(0, 1)},
    "geomnet.GeometricImage": {
        "signature": FLOW,
        "array": IMAGE.array,
        "num_spatial_dims": 2,
    },
    "geomnet.Group": {"matrices": SQUARE.elements, "name": "square"},
    "geomnet.GroupAverage": {"model": LAYER, "group": SQUARE},
    "geomnet.LazyFrames": {
        "data": Flow(),
        "trajectories": None,
        "times": None,
        "fields": None,
        "dtype": None,
    },
    "geomnet.Normaliser": {
        "signature": FLOW,
        "mean": (0.0, 0.0),
        "scale": (1.0, 1.0),
        "num_spatial_dims": 2,
    },
    "geomnet.Persistence": {
        "in_signature": FLOW,
        "out_signature": FLOW,
        "num_spatial_dims": 2,
    },
    "geomnet.Representation": TYPED,
    "geomnet.Residual": {
        "model": LAYER,
        "group": None,
        "in_signature": None,
        "out_signature": None,
    },
    "geomnet.Signature": {"entries": "s:0+ v:1+"},
    "geomnet.TensorType": {"order": 2, "parity": 1, "symmetry": "s"},
    "geomnet.Windows": {
        "signature": FLOW,
        "frames": FRAMES,
        "past": 1,
        "stride": 1,
        "num_targets": 1,
    },
    "geomnet.act": {"g": SQUARE.elements[1], "image": IMAGE},
    "geomnet.concatenate": {"images": [IMAGE]},
    "geomnet.cyclic": {"order": 4},
    "geomnet.extrude": {"image": IMAGE, "cells": 2},
    "geomnet.fit_normaliser": {"signature": FLOW, "frames": FRAMES},
    "geomnet.flow_signature": {"data": Flow(), "fields": None},
    "geomnet.hyperoctahedral": {"d": 2},
    "geomnet.latest_frame": {"history": IMAGE, "signature": FLOW},
    "geomnet.log_metric_field": {
        "spacings": (0.1, 0.1),
        "grid": (4, 4),
        "name": "metric",
        "unit": None,
        "dtype": None,
    },
    "geomnet.metric_field": {
        "spacings": (0.1, 0.1),
        "grid": (4, 4),
        "name": "metric",
        "dtype": None,
    },
    "geomnet.push_frame": {"history": IMAGE, "frame": IMAGE},
    "geomnet.random_image": {
        "signature": FLOW,
        "grid": (4, 4),
        "key": KEY,
        "dtype": None,
    },
    "geomnet.read_frames": {
        "data": Flow(),
        "trajectories": None,
        "times": None,
        "fields": None,
        "dtype": None,
    },
    "geomnet.reflections": {"d": 2},
    "geomnet.rotations": {"d": 2},
    "geomnet.stack_frames": {"frames": MOVIE, "num_frames": 2},
    "geomnet.trivial": {"d": 2},
    "geomnet.twin": {
        "model": NET,
        "match": "components",
        "grid": None,
        "key": None,
    },
    # Filters.
    "geomnet.covariant_generators": {
        "group": SQUARE,
        "type": "1+",
        "over": None,
        "max_degree": 2,
    },
    "geomnet.covariants": {"group": SQUARE, "type": "1+", "degree": 1},
    "geomnet.describe": {
        "what": BANK,
        "coefficients": np.ones(len(BANK)),
        "max_pairs": 8,
        "max_degree": 2,
    },
    "geomnet.filter_basis": {
        "group": SQUARE,
        "type": "0+",
        "size": 3,
        "max_radius": None,
    },
    "geomnet.is_covariant": {"group": SQUARE, "type": "0+", "polynomial": 1},
    "geomnet.isotropic": {"bank": BANK},
    "geomnet.isotropic_covariants": {"num_spatial_dims": 2, "type": "1+"},
    "geomnet.kernel_basis": {
        "group": SQUARE,
        "out_type": "0+",
        "in_type": "0+",
        "size": 3,
        "max_radius": None,
    },
    "geomnet.molien_coefficients": {"group": SQUARE, "type": "1+", "max_degree": 2},
    "geomnet.molien_series": {"group": SQUARE, "type": "1+"},
    "geomnet.primary_invariants": {"num_spatial_dims": 2},
    "geomnet.recognise": {
        "array": np.asarray(BANK.array[0]),
        "group": SQUARE,
        "types": BANK.types,
    },
    "geomnet.reynolds_operator": {"group": SQUARE, "type": "0+", "polynomial": 1},
    "geomnet.secondary_invariants": {"group": SQUARE},
    "geomnet.stencil": {
        "space": BANK,
        "operator": "laplacian",
        "accuracy": 2,
        "spacing": fractions.Fraction(1),
    },
    "geomnet.traceless": {"space": gn.filter_basis(SQUARE, "2+", 3)},
    # Networks.
    "geomnet.DilatedResNet": {
        **NETWORK,
        "num_blocks": 1,
        "dilations": (1, 2),
        "size": 3,
        "boundary": PERIODIC,
    },
    "geomnet.FNO": {**NETWORK, "modes": 1, "num_blocks": 1, "size": 1},
    "geomnet.ResNet": {**NETWORK, "num_blocks": 1, "size": 3, "boundary": PERIODIC},
    "geomnet.ResUNet": {
        **NETWORK,
        "depth": 1,
        "num_blocks": 1,
        "num_parameters": 0,
        "size": 3,
        "output_scale": 1.0,
        "boundary": PERIODIC,
    },
    "geomnet.UNet": {
        **NETWORK,
        "depth": 1,
        "size": 3,
        "output_scale": 1.0,
        "boundary": PERIODIC,
    },
    "geomnet.models.ConditionedBlock": {
        **FROM_TO,
        **DRAWN,
        "num_parameters": 0,
        "size": 3,
        "boundary": PERIODIC,
    },
    "geomnet.models.ConvBlock": {
        **FROM_TO,
        **DRAWN,
        "size": 3,
        "boundary": PERIODIC,
    },
    "geomnet.models.FourierBlock": {**TYPED, **DRAWN, "modes": 1, "size": 1},
    "geomnet.models.ResidualBlock": {
        **TYPED,
        **DRAWN,
        "dilations": (1, 1),
        "size": 3,
        "boundary": PERIODIC,
    },
    "geomnet.models.count_flops": {"model": LAYER, "grid": (4, 4)},
    "geomnet.models.count_parameters": {"model": LAYER},
    "geomnet.models.describe_model": {"model": NET, "classes": ()},
    "geomnet.models.rebuild_model": {
        "description": gn.models.describe_model(NET),
        "classes": (),
        "most_weights": 2**20,
    },
    "geomnet.models.transfer_weights": {
        "model": LAYER,
        "onto": nn.Linear(gn.hyperoctahedral(3), FLOW, FLOW, key=KEY),
    },
    # Layers.
    "geomnet.nn.AveragePool": TYPED,
    "geomnet.nn.Bias": {**TYPED, "dtype": None},
    "geomnet.nn.BlurPool": {**TYPED, "boundary": PERIODIC},
    "geomnet.nn.Conv": {
        **FROM_TO,
        **DRAWN,
        **WINDOWED,
        "size": 3,
        "stride": 1,
        "dilation": 1,
        "channel_groups": 1,
        "use_bias": True,
    },
    "geomnet.nn.ConvTranspose": {
        **FROM_TO,
        **DRAWN,
        **WINDOWED,
        "size": 4,
        "stride": 2,
        "dilation": 1,
        "use_bias": True,
    },
    "geomnet.nn.Down": {**FROM_TO, **DRAWN},
    "geomnet.nn.Dropout": {**TYPED, "rate": 0.1, "inference": True},
    "geomnet.nn.FiLM": {**TYPED, **DRAWN, "num_parameters": 1, "width": 4},
    "geomnet.nn.Gate": {**TYPED, **DRAWN, "epsilon": 0.01},
    "geomnet.nn.GroupNorm": {**TYPED, "num_groups": 1, "epsilon": 1e-5, "dtype": None},
    "geomnet.nn.InstanceNorm": {**TYPED, "epsilon": 1e-5, "dtype": None},
    "geomnet.nn.Kernel": {**FROM_TO, **DRAWN, "size": 3, "channel_groups": 1},
    "geomnet.nn.LayerNorm": {**TYPED, "epsilon": 1e-5, "dtype": None},
    "geomnet.nn.Linear": {**FROM_TO, **DRAWN, "use_bias": True},
    "geomnet.nn.MeanBias": {**TYPED, "dtype": None},
    "geomnet.nn.MultilinearUp": {**TYPED, "boundary": PERIODIC},
    "geomnet.nn.NearestUp": TYPED,
    "geomnet.nn.NormActivation": {**TYPED, "epsilon": 0.01, "dtype": None},
    "geomnet.nn.NormPool": {**TYPED, "epsilon": 1e-3},
    "geomnet.nn.SpectralConv": {**FROM_TO, **DRAWN, "modes": 1},
    "geomnet.nn.TensorProduct": {**FROM_TO, **DRAWN},
    "geomnet.nn.Up": {**FROM_TO, **DRAWN},
    "geomnet.nn.VectorNeuron": {**TYPED, **DRAWN, "slope": 0.1, "epsilon": 0.01},
    "geomnet.nn.as_faces": {"boundary": PERIODIC, "num_spatial_dims": 2},
    "geomnet.nn.check_dimension": {"grid": (4, 4), "group": SQUARE},
    "geomnet.nn.check_divides": {"grid": (4, 4), "factor": 2, "where": "Down"},
    "geomnet.nn.check_image": {
        "image": IMAGE,
        "fields": gn.Representation(SQUARE, FLOW),
        "where": "Conv",
    },
    "geomnet.nn.common_steps": {"grid": (4, 4), "*layers": (LAYER,)},
    "geomnet.nn.export": {"layer": LAYER},
    "geomnet.nn.periodic_steps": {"faces": FACES, "step": 1},
    "geomnet.nn.surviving_group": {"group": SQUARE, "faces": FACES},
    # Pictures.
    "geomnet.plot.error_growth": {
        "errors": {"net": [0.1, 0.2]},
        "y_label": "SMSE",
        "time_step": None,
        "time_unit": "",
    },
    "geomnet.plot.field": {
        "axes": AXES,
        "image": IMAGE,
        "name": "s",
        "channel": 0,
        "limits": None,
        "extent": None,
        "units": None,
    },
    "geomnet.plot.filters": {
        "space": BANK,
        "columns": None,
        "captions": False,
        "max_filters": 2,
    },
    "geomnet.plot.learning_curves": {
        "histories": {"net": {"training": [(1, 0.5)]}},
        "x_label": "step",
        "y_label": "SMSE",
    },
    "geomnet.plot.rollouts": {
        "truth": MOVIE,
        "predictions": {"net": MOVIE},
        "times": [0],
        "fields": ("s",),
        "labels": (),
        "time_step": None,
        "extent": None,
        "units": None,
    },
    # Symmetries and checks.
    "geomnet.symmetry.function_symmetry_report": {
        "f": LAYER,
        "x": IMAGE,
        "group": gn.cyclic(2),
        "signature": None,
        "out_signature": None,
        "feature_axis": -1,
        "time_step": None,
        "extent": None,
        "at_time_step": None,
    },
    "geomnet.symmetry.symmetry_report": {
        "data": {"s": FRAMES.repeat(2, 0)[..., 0]},
        "signature": "s:0+",
        "group": gn.cyclic(2),
        "significance": 0.01,
        "max_trajectories": 4,
        "max_times": 2,
    },
    "geomnet.testing.assert_equivariant": {
        **MEASURED,
        "elements": 1,
        "shift": None,
        "tolerance": 1e-3,
    },
    "geomnet.testing.cast": {"tree": LAYER, "dtype": "float32"},
    "geomnet.testing.certify": {
        "model": LAYER,
        "grid": ((4, 4),),
        "dtypes": "float32",
        "group": SQUARE,
        "in_signature": FLOW,
        "out_signature": None,
        "feature_axis": None,
        "elements": 1,
        "seed": 0,
    },
    "geomnet.testing.checkify_error": ERROR,
    "geomnet.testing.equivariance_error": {"f": LAYER, "x": IMAGE, "group": SQUARE},
    "geomnet.testing.equivariance_errors": {**MEASURED, "elements": 1},
    "geomnet.testing.first_guilty_layer": {
        "f": LAYER,
        "x": IMAGE,
        "element": SQUARE.elements[1],
        "tolerance": 1e-4,
    },
    "geomnet.testing.perturb": {"model": LAYER, "scale": 0.1, "key": KEY},
    "geomnet.testing.print_error": ERROR,
    "geomnet.testing.raise_error": ERROR,
    "geomnet.testing.self_checking": {
        "model": LAYER,
        "group": SQUARE,
        "tolerance": None,
        "on_error": gn.testing.raise_error,
    },
    "geomnet.testing.tolerance_for": {"dtype": "float32", "depth": 0},
    "geomnet.testing.translation_error": {**MEASURED, "shift": (1, 0)},
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
    },
    "geomnet.training.fit": {
        "model": LAYER,
        "loss": loss,
        "windows": WINDOWS,
        "optimiser": ADAM,
        "num_steps": 1,
        "batch_size": 2,
        "key": KEY,
        "validation": None,
        "validate_every": 100,
        "call": None,
        "checkpoint": None,
        "metadata": None,
        "restart": False,
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
    "geomnet.training.nrmse": {"prediction": IMAGE, "target": IMAGE},
    "geomnet.training.predict": {
        "model": conditioned,
        "histories": MOVIE,
        "num_steps": 1,
        "*inputs": (),
    },
    "geomnet.training.read_metadata": {"path": CHECKPOINT},
    "geomnet.training.rollout": {
        "model": conditioned,
        "history": IMAGE,
        "num_steps": 1,
        "*inputs": (),
    },
    "geomnet.training.save_checkpoint": {
        "path": FOLDER / "again.ckpt",
        "state": LAYER,
        "metadata": None,
    },
    "geomnet.training.smse": {"prediction": IMAGE, "target": IMAGE},
    "geomnet.training.start_training": {"model": LAYER, "optimiser": ADAM, "key": KEY},
    "geomnet.training.unit_variance": {
        "model": LAYER,
        "inputs": MOVIE,
        "output_scale": 1.0,
        "call": None,
    },
}

# What these are for is to raise.
ANSWERS: dict[str, Any] = {
    "geomnet.testing.checkify_error": RuntimeError,
    "geomnet.testing.raise_error": RuntimeError,
}

ELSEWHERE: set[str] = set()
