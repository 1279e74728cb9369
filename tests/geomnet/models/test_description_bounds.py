"""What a file may claim of a network is bounded before anything is built."""

import pytest

from geomnet.models import rebuild_model

PLAIN = {
    "group": "hyperoctahedral(2)",
    "in_signature": "0+",
    "out_signature": "0+",
    "hidden": "1x0+",
}


@pytest.mark.parametrize(
    ("name", "claimed", "words"),
    [
        ("UNet", {"depth": 500}, "claims a network of"),
        ("UNet", {"depth": 10**50}, "claims a network of"),
        ("ResUNet", {"depth": 1, "num_blocks": 10**6}, "1000 at most"),
        ("ResNet", {"num_blocks": 1001}, "of 1001 blocks or conv.*; 1000 at most"),
        ("ResNet", {"num_blocks": 10**9}, "1000 at most"),
        ("FNO", {"num_blocks": 10**50}, "1000 at most"),
        ("Propagator", {"num_blocks": 1001}, "1000 at most"),
        ("Propagator", {"modes": 10**8}, "claims a network of"),
        ("Propagator", {"num_parameters": 10**13}, "claims a network of"),
        (
            "Propagator",
            {"num_parameters": 1, "num_kernels": 10**13},
            "claims a network of",
        ),
        (
            "Propagator",
            {"num_parameters": 1, "num_waves": 10**13},
            "claims a network of",
        ),
        ("ResNet", {"size": []}, "does not fit ResNet|`size`"),
        ("ResNet", {"group": [3]}, "`description`|group"),
        ("DilatedResNet", {"num_blocks": 500, "dilations": [1, 2, 4]}, "1000 at most"),
        ("DilatedResNet", {"dilations": [1] * 1001}, "1000 at most"),
        ("UNet", {"depth": 1e9}, "`description` does not fit UNet|`depth` must be"),
    ],
)
def test_deep_networks_are_refused_whatever_the_size_of_the_file(name, claimed, words):
    with pytest.raises(ValueError, match=words):
        rebuild_model({"class": name, **PLAIN, **claimed}, most_weights=2**40)
