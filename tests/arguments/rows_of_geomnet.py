"""For each public callable of `geomnet` arguments that are right."""

import fractions
from typing import Any

import jax.numpy as jnp
import numpy as np
import rows_of_metrics
import rows_of_networks
import rows_of_training
from jax.experimental import checkify
from rows_of_metrics import MEASURED
from rows_of_networks import (
    AXES,
    BANK,
    FLOW,
    FRAMES,
    IMAGE,
    KEY,
    LAYER,
    MOVIE,
    NET,
    SQUARE,
    TYPED,
)

import geomnet as gn


class Flow:
    """The least that data must be."""

    fields: Any = (gn.Entry("s", 1, gn.TensorType(0, 1)),)
    num_spatial_dims = 2

    def __getitem__(self, name):
        return FRAMES[..., 0]


class Scalar:
    name, order, parity = "s", 0, 1


Flow.fields = (Scalar(),)


ERROR = {"path": "layer", "y": IMAGE, "error": jnp.zeros(()), "tolerance": 1e-4}

ROWS: dict[str, dict[str, Any]] = {
    **rows_of_metrics.ROWS,
    **rows_of_networks.ROWS,
    **rows_of_training.ROWS,
    "geomnet.Entry": {"name": "s", "channels": 1, "type": gn.TensorType(0, 1)},
    "geomnet.FieldData": {
        "source": {"s": FRAMES[..., 0]},
        "signature": "s:0+",
        "axes": "trajectory time x y",
        "datasets": None,
        "dimensions": None,
        "parameters": None,
    },
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
        "parameters": (),
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
        "gap": None,
        "parameters": None,
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
        "precision": "highest",
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
        "precision": "highest",
        "progress": False,
    },
    "geomnet.testing.checkify_error": ERROR,
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
}

# What these are for is to raise.
ANSWERS: dict[str, Any] = {
    "geomnet.testing.assert_galilean_covariant": AssertionError,
    "geomnet.testing.checkify_error": checkify.JaxRuntimeError,
    "geomnet.testing.raise_error": RuntimeError,
}

ELSEWHERE: set[str] = set()
