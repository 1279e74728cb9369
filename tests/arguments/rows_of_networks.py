"""For each layer and network of `geomnet` arguments that are right, and the things that
they are made of.
"""

import pathlib
import tempfile
from typing import Any

import jax
import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import geomnet as gn
from geomnet import nn

matplotlib.use("Agg")

SQUARE, KEY = gn.hyperoctahedral(2), jax.random.key(0)
FLOW = gn.Signature("s:0+ v:1+")
IMAGE = gn.random_image(FLOW, (4, 4), key=KEY)
FRAMES = np.random.default_rng(0).normal(size=(2, 5, 4, 4, 3)).astype(np.float32)
MOVIE = gn.GeometricImage(FLOW, FRAMES[0], 2)
BANK = gn.filter_basis(SQUARE, "0+", 3)
LAYER = nn.Linear(SQUARE, FLOW, FLOW, key=KEY)
NET = gn.ResNet(SQUARE, FLOW, FLOW, hidden=FLOW, num_blocks=1, key=KEY)
FOLDER = pathlib.Path(tempfile.mkdtemp())
FACES = nn.as_faces(nn.Boundary.PERIODIC, 2)
AXES = plt.figure().gca()
PERIODIC = nn.Boundary.PERIODIC


TYPED = {"group": SQUARE, "signature": FLOW}
FROM_TO = {"group": SQUARE, "in_signature": FLOW, "out_signature": FLOW}
DRAWN = {"key": KEY, "dtype": None}
NETWORK = {**FROM_TO, "hidden": FLOW, "norm": "restored", **DRAWN}
WINDOWED = {"boundary": PERIODIC, "remaining": None}
ROWS: dict[str, dict[str, Any]] = {
    # Networks.
    "geomnet.DilatedResNet": {
        **NETWORK,
        "output_scale": 1.0,
        "remat": True,
        "num_blocks": 1,
        "dilations": (1, 2),
        "size": 3,
        "boundary": PERIODIC,
    },
    "geomnet.FNO": {
        **NETWORK,
        "remat": True,
        "modes": 1,
        "num_blocks": 1,
        "size": 1,
        "output_scale": 1.0,
    },
    "geomnet.Propagator": {
        **NETWORK,
        "remat": True,
        "modes": 2,
        "factor_modes": 1,
        "num_blocks": 1,
        "num_parameters": 1,
        "num_kernels": 2,
        "num_waves": 3,
        "output_scale": 0.5,
        "factor_limit": 2.0,
    },
    "geomnet.ResNet": {
        **NETWORK,
        "output_scale": 1.0,
        "remat": True,
        "num_blocks": 1,
        "size": 3,
        "boundary": PERIODIC,
    },
    "geomnet.ResUNet": {
        **NETWORK,
        "remat": True,
        "depth": 1,
        "num_blocks": 1,
        "num_parameters": 0,
        "size": 3,
        "output_scale": 1.0,
        "boundary": PERIODIC,
    },
    "geomnet.UNet": {
        **NETWORK,
        "remat": True,
        "depth": 1,
        "num_parameters": 0,
        "size": 3,
        "output_scale": 1.0,
        "boundary": PERIODIC,
    },
    "geomnet.models.ConditionedBlock": {
        "change_scale": 1.0,
        **FROM_TO,
        "norm": "restored",
        **DRAWN,
        "num_parameters": 0,
        "size": 3,
        "boundary": PERIODIC,
    },
    "geomnet.models.ConvBlock": {
        **FROM_TO,
        **DRAWN,
        "norm": "restored",
        "num_parameters": 0,
        "size": 3,
        "boundary": PERIODIC,
    },
    "geomnet.models.FourierBlock": {
        **TYPED,
        **DRAWN,
        "modes": 1,
        "size": 1,
        "norm": "restored",
    },
    "geomnet.models.ResidualBlock": {
        "change_scale": 1.0,
        **TYPED,
        "norm": "restored",
        **DRAWN,
        "dilations": (1, 1),
        "size": 3,
        "boundary": PERIODIC,
    },
    "geomnet.models.cost": {"model": LAYER, "grid": (4, 4), "batch": 1},
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
    "geomnet.nn.ConditionedSpectralConv": {
        **FROM_TO,
        **DRAWN,
        "modes": 1,
        "num_parameters": 1,
        "num_kernels": 2,
        "num_waves": 3,
        "width": 4,
    },
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
}
