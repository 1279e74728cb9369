"""For each metric, picture of metrics, and change of units of `geomnet` arguments that
are right.
"""

from typing import Any

import jax
import numpy as np
from rows_of_networks import FLOW, FOLDER, FRAMES, IMAGE, KEY, LAYER, MOVIE, SQUARE

import geomnet as gn

RUNS = gn.GeometricImage(FLOW, FRAMES, 2)
GAS = gn.Signature("density:0+ pressure:0+ velocity:1+")
FLOWS = np.random.default_rng(0).uniform(1, 2, (2, 3, 4, 4, 4)).astype(np.float32)
FLOW_MOVIE = gn.GeometricImage(GAS, FLOWS[0], 2)
FLOW_RUNS = gn.GeometricImage(GAS, FLOWS, 2)
UNITS = gn.flow_units("time_step")
GIVEN = {"cell": 0.1, "time_step": 0.01}
NORMALISER = gn.fit_unit_normaliser(UNITS, GAS, FLOWS, GIVEN)
CONDITIONED = gn.ResUNet(
    SQUARE, GAS, GAS, hidden=GAS, depth=1, num_blocks=1, num_parameters=1, key=KEY
)
SPECTRUM = gn.metrics.energy_spectrum(IMAGE, "v")


def linear(image, *parameters):
    return image


PAIR = {"prediction": MOVIE, "target": MOVIE}
FIELDS = {**PAIR, "fields": None}
SPECTRAL = {"field": "v", "spacing": 1.0}
MOVED = {
    "metric": gn.metrics.smse,
    "model": jax.vmap(LAYER),
    "inputs": MOVIE,
    "targets": MOVIE,
    "group": SQUARE,
}
MEASURED = {
    "f": LAYER,
    "x": IMAGE,
    "group": SQUARE,
    "in_signature": None,
    "out_signature": None,
    "feature_axis": -1,
}
OF_UNITS = {
    "f": linear,
    "x": FLOW_MOVIE.with_array(FLOWS[0, 0]),
    "units": UNITS,
    "parameters": (0.1, 0.01),
}
OF_MOTION = {
    "f": gn.Galilean(gn.Persistence(GAS, GAS, 2), UNITS),
    "x": FLOW_MOVIE.with_array(FLOWS[0, 0]),
    "speed": 10.0,
    "parameters": (0.1, 0.01),
    "velocity": "velocity",
    "cells": 1.0,
}

ROWS: dict[str, dict[str, Any]] = {
    # Units, and what keeps the laws.
    "geomnet.Conserving": {"model": gn.Persistence(GAS, GAS, 2), "gamma": 1.4},
    "geomnet.Galilean": {
        "model": gn.Persistence(GAS, GAS, 2),
        "units": UNITS,
        "parameters": (0.1, 0.01),
        "velocity": "velocity",
        "density": "density",
    },
    "geomnet.Nondimensional": {
        "model": CONDITIONED,
        "normaliser": NORMALISER,
        "parameters": (0.1, 0.01),
    },
    "geomnet.Units": {
        "fields": {"s": "M"},
        "scales": ("mean s", "cell"),
        "parameters": {"cell": "L"},
    },
    "geomnet.fit_unit_normaliser": {
        "units": UNITS,
        "signature": GAS,
        "frames": FLOWS,
        "parameters": GIVEN,
    },
    "geomnet.flow_units": {"*parameters": ("time_step",)},
    "geomnet.testing.assert_units_covariant": {
        **OF_UNITS,
        "tolerance": 1e-3,
        "precision": "highest",
    },
    "geomnet.testing.assert_galilean_covariant": {
        **OF_MOTION,
        "tolerance": 1e-3,
        "precision": "highest",
    },
    "geomnet.testing.galilean_errors": OF_MOTION,
    "geomnet.testing.units_errors": {**OF_UNITS, "factor": 3.0},
    # Metrics.
    "geomnet.metrics.correlation": FIELDS,
    "geomnet.metrics.correlation_time": {
        **FIELDS,
        "threshold": 0.8,
        "time_step": 1.0,
    },
    "geomnet.metrics.drift": {
        "frames": FLOW_MOVIE,
        "gamma": 1.4,
        "reference": None,
        "density": "density",
        "velocity": "velocity",
        "pressure": "pressure",
    },
    "geomnet.metrics.energy_ratio": {**PAIR, **SPECTRAL, "density": None},
    "geomnet.metrics.energy_spectrum": {
        **SPECTRAL,
        "image": IMAGE,
        "density": None,
        "bins": "shells",
    },
    "geomnet.metrics.equivariance_error": {"f": LAYER, "x": IMAGE, "group": SQUARE},
    "geomnet.metrics.equivariance_errors": {**MEASURED, "elements": 1},
    "geomnet.metrics.group_spread": MOVED,
    "geomnet.metrics.helmholtz_error": {**PAIR, **SPECTRAL},
    "geomnet.metrics.nonpositive_share": {
        "image": FLOW_MOVIE,
        "fields": ("density", "pressure"),
    },
    "geomnet.metrics.nmse": FIELDS,
    "geomnet.metrics.nrmse": PAIR,
    "geomnet.metrics.nrmse_per_field": FIELDS,
    "geomnet.metrics.over_group": MOVED,
    "geomnet.metrics.over_trajectories": {
        "metric": gn.metrics.smse,
        "prediction": RUNS,
        "target": RUNS,
    },
    "geomnet.metrics.report": {
        "predicted": FLOW_RUNS,
        "true": FLOW_RUNS,
        "normaliser": None,
        "gamma": None,
        "spacing": 1.0,
        "time_step": 1.0,
        "threshold": 0.8,
        "fields": None,
        "velocity": None,
        "density": "density",
        "pressure": "pressure",
    },
    "geomnet.metrics.rollout_smse": PAIR,
    "geomnet.metrics.smse": PAIR,
    "geomnet.metrics.spectral_error": {**PAIR, **SPECTRAL, "edges": (1.0, 2.0)},
    "geomnet.metrics.spectral_nmse": {**FIELDS, "floor": 1e-3, "spacing": 1.0},
    "geomnet.metrics.vrmse": FIELDS,
    "geomnet.metrics.wave_numbers": {
        "grid": (4, 4),
        "spacing": 1.0,
        "bins": "shells",
    },
    # Pictures of them.
    "geomnet.plot.animation": {
        "path": FOLDER / "movie.gif",
        "truth": MOVIE,
        "predictions": {"net": MOVIE},
        "name": "s",
        "time_step": 1.0,
        "unit": "steps",
        "frames_per_second": 5.0,
        "dots_per_inch": 20,
    },
    "geomnet.plot.data_efficiency": {
        "errors": {"net": {1: [0.2, 0.3], 2: [0.1]}},
        "x_label": "trajectories",
        "y_label": "VRMSE",
    },
    "geomnet.plot.error_bands": {
        "errors": {"net": [[0.1, 0.2], [0.2, 0.3]]},
        "time_step": 1.0,
        "x_label": "steps",
        "y_label": "VRMSE",
        "logarithmic": True,
    },
    "geomnet.plot.spectra": {
        "wave_numbers": gn.metrics.wave_numbers((4, 4)),
        "energies": {"truth": SPECTRUM},
        "x_label": "wave number",
        "y_label": "energy",
    },
}
