"""What layers refuse, and that each message names the mend."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import geomnet as gn
from geomnet import nn

SQUARE = gn.hyperoctahedral(2)
KEY = jax.random.key(0)


def zeros(signature, grid):
    fields = gn.Signature(signature)
    shape = (*grid, fields.features(len(grid)))
    return gn.GeometricImage(fields, np.zeros(shape, np.float32))


# what is built, and words of the message
BUILT = {
    "an even size that is not centred": (
        lambda: nn.Conv(SQUARE, "0+", "0+", 2, key=KEY),
        "can't be centred",
    ),
    "a stride of 0": (
        lambda: nn.Conv(SQUARE, "0+", "0+", stride=0, key=KEY),
        "`stride` must be a positive integer, got 0",
    ),
    "a window that the group turns": (
        lambda: nn.Conv(SQUARE, "0+", "0+", (3, 5), key=KEY),
        "exchanges axes",
    ),
    "pseudoscalars from scalars": (
        lambda: nn.Conv(SQUARE, "0+", "0+ 0-", key=KEY),
        r"output type '0-'.*Add a type to the input.*size 5",
    ),
    "vectors from scalars in a point": (
        lambda: nn.Linear(SQUARE, "0+", "1+", key=KEY),
        r"output type '1\+'.*vectors.*size 3",
    ),
    "modes that the group turns": (
        lambda: nn.SpectralConv(SQUARE, "0+", "0+", (1, 2), key=KEY),
        r"`modes` are \(1, 2\).*exchanges axes.*reflections",
    ),
    "modes below 0": (
        lambda: nn.SpectralConv(SQUARE, "0+", "0+", -1, key=KEY),
        "0 or more.*got -1",
    ),
    "pseudoscalars from too few waves": (
        lambda: nn.SpectralConv(SQUARE, "0+", "0-", 1, key=KEY),
        r"`modes` \(1, 1\).*Add a type to the input",
    ),
    "fields inside that nothing reaches": (
        lambda: gn.FNO(SQUARE, "0+", "0+", hidden="0+ 0-", modes=1, key=KEY),
        "types '0-' of `hidden`.*more `modes`",
    ),
    "fields inside that begin nowhere": (
        lambda: gn.FNO(SQUARE, "0+", "0+", hidden="1+", key=KEY),
        r"types '1\+' of `hidden`.*add types of the input",
    ),
    "groups that leave a rest": (
        lambda: nn.Conv(SQUARE, "4x0+ 3x1+", "2x0+", channel_groups=2, key=KEY),
        r"3x1\+ can't be divided by 2",
    ),
    "groups of a norm that leave a rest": (
        lambda: nn.GroupNorm(SQUARE, "4x0+ 3x1+", 2),
        r"must divide the 3 channels of type '1\+'.*LayerNorm",
    ),
    "a slope above 1": (
        lambda: nn.VectorNeuron(SQUARE, "1+", slope=2.0, key=KEY),
        "from 0 to 1, got 2.0",
    ),
    "a blur between unlike walls": (
        lambda: nn.BlurPool(SQUARE, "1+", (nn.Boundary.PERIODIC, nn.Boundary.SLIP)),
        "only 4 of its 8",
    ),
    "a product that needs vectors": (
        lambda: nn.TensorProduct(SQUARE, "0+", "1+", key=KEY),
        "is no product of two types",
    ),
    "epsilon 0 in a gate": (
        lambda: nn.Gate(SQUARE, "0+", epsilon=0.0, key=KEY),
        "gradient of a norm is not finite",
    ),
    "epsilon NaN in a norm": (
        lambda: nn.LayerNorm(SQUARE, "0+", epsilon=float("nan")),
        "`epsilon` must be positive, got nan",
    ),
    "all channels dropped": (lambda: nn.Dropout(SQUARE, "0+", 1.0), "below 1, got 1.0"),
    "no parameters to condition on": (
        lambda: nn.FiLM(SQUARE, "0+", 0, key=KEY),
        "`num_parameters` must be a positive integer, got 0",
    ),
    "no blocks": (
        lambda: gn.ResNet(SQUARE, "0+", "0+", hidden="0+", num_blocks=0, key=KEY),
        "`num_blocks` must be a positive integer, got 0",
    ),
}
# what is called
CALLED = {
    "an odd grid to halve": (
        lambda: nn.Down(SQUARE, "0+", "0+", key=KEY)(zeros("0+", (4, 5))),
        r"multiples of 2.*Use a grid such as \(4, 4\)",
    ),
    "an odd grid to average": (
        lambda: nn.AveragePool(SQUARE, "0+")(zeros("0+", (3, 4))),
        "multiples of 2",
    ),
    "stride 2 with an odd size on an even grid": (
        lambda: nn.Conv(SQUARE, "0+", "0+", 3, stride=2, key=KEY)(zeros("0+", (4, 6))),
        r"one more than multiples of 2, such as \(5, 7\).*`size=4`.*Down.*`remaining`",
    ),
    "a stride that does not divide": (
        lambda: nn.Conv(SQUARE, "0+", "0+", 4, stride=2, key=KEY)(zeros("0+", (5, 4))),
        "multiples of 2",
    ),
    "a grid that does not resolve the modes": (
        lambda: nn.SpectralConv(SQUARE, "0+", "0+", 2, key=KEY)(zeros("0+", (5, 4))),
        r"2 \* modes \+ 1 cells, \(5, 5\).*finer grid, or `modes=1`",
    ),
    "fields in another order": (
        lambda: nn.Gate(SQUARE, "0+ 1+", key=KEY)(zeros("1+ 0+", (4, 4))),
        "Reorder or rename",
    ),
    "dropout without a key": (
        lambda: nn.Dropout(SQUARE, "0+")(zeros("0+", (2, 2))),
        "inference_mode",
    ),
    "another number of parameters": (
        lambda: nn.FiLM(SQUARE, "0+", 2, key=KEY)(
            zeros("0+", (2, 2)), jax.numpy.zeros(3)
        ),
        r"must have shape \(2,\), got \(3,\)",
    ),
}


@pytest.mark.parametrize("what", BUILT | CALLED)
def test_message_names_the_mend(what):
    make, message = (BUILT | CALLED)[what]
    with pytest.raises(ValueError, match=message):
        make()


def test_an_array_is_no_image():
    layer = nn.Conv(SQUARE, "0+", "0+", key=KEY)
    with pytest.raises(Exception, match=r"(?s)image"):
        layer(np.zeros((4, 4, 1), np.float32))  # pyright: ignore


def test_numbers_that_weights_would_be_rounded_to_are_refused():
    """A kernel in the image's integers would be zero nearly everywhere."""
    layer = nn.Conv(SQUARE, "0+", "0+", key=KEY)
    for dtype in ("int32", "bool", "complex64"):
        image = gn.GeometricImage("0+", np.ones((3, 3, 1), dtype))
        with pytest.raises(TypeError, match=rf"floating-point.*{dtype}.*astype"):
            layer(image)


# Without run-time type checks, as users run it: what is written, and the message.
WRONG_KINDS = {
    "nn.Conv(SQUARE, '0+', '0+', boundary='zero', key=KEY)": "geomnet.nn.Boundary",
    "nn.Conv(gn.trivial(2), '0+', '0+', boundary=('zero', 'edge'), key=KEY)": (
        "Boundary.ZERO"
    ),
    "nn.BlurPool(SQUARE, '0+', (((nn.Boundary.ZERO,) * 3,) * 2))": "`(low, high)`",
    "nn.Conv('square', '0+', '0+', key=KEY)": "`group` must be a Group",
    "nn.AveragePool('square', '0+')": "`group` must be a Group",
    "nn.Gate(2, '1+', key=KEY)": "`group` must be a Group",
    "gn.UNet(2, '0+', '0+', hidden='0+', key=KEY)": "`group` must be a Group",
    "nn.Conv(SQUARE, '0+', '0+', remaining='all', key=KEY)": "`remaining` must be",
    "nn.Conv(SQUARE, '0+', '0+', 3.0, key=KEY)": "positive integer",
    "nn.FiLM(SQUARE, '0+', 1, key=KEY)(IMAGE, 0.5)": "`jax.numpy.asarray`",
    "nn.FiLM(SQUARE, '0+', 1, width=0, key=KEY)": "`width` must be a positive",
    "gn.Signature(['0+', '1+'])": "must be a text such as",
    "gn.filter_basis(SQUARE, ['1-'], 3)": "A tensor type is a text such as '0+'",
    "gn.random_image('0+', 32, key=KEY)": "such as (32, 32), got 32",
    "gn.models.count_flops(nn.Linear(SQUARE, '0+', '0+', key=KEY), 8)": "(8, 8), got 8",
    "nn.Linear(SQUARE, '0+', '0+', key=KEY).translation_steps('ab')": "got 'ab'",
    "gn.GeometricImage('0+', Tensor())": "`jax.numpy.asarray(array.numpy())`",
    "gn.GeometricImage('0+', [[[1.0]]])": "got list",
    "IMAGE[0]": "`image.array`",
    "nn.export(nn.AveragePool(SQUARE, '0+'))": "Export the layers of a network",
    "gn.twin(nn.Linear(SQUARE, '0+', '0+', key=KEY))": "geomnet.trivial(d)",
}


def test_wrong_kinds_of_arguments_are_refused_with_the_mend():
    code = (
        "import sys, jax, numpy as np, geomnet as gn\nfrom geomnet import nn\n"
        "SQUARE, KEY = gn.hyperoctahedral(2), jax.random.key(0)\n"
        "class Tensor:\n    shape, dtype = (2, 2, 1), 'float32'\n"
        "Tensor.__module__ = 'torch'\n"
        "IMAGE = gn.GeometricImage('0+', np.ones((2, 2, 1), np.float32))\n"
        "for text in sys.argv[1:]:\n"
        "    try:\n        eval(text)\n        print('accepted')\n"
        "    except (TypeError, ValueError) as error:\n"
        "        print(str(error).replace('\\n', ' '))\n"
    )
    command = [sys.executable, "-c", code, *WRONG_KINDS]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found = dict(zip(WRONG_KINDS, run.stdout.splitlines(), strict=True))
    wrong = {
        text: found[text] for text, m in WRONG_KINDS.items() if m not in found[text]
    }
    assert not wrong


def test_a_layer_says_under_which_group_it_commutes_on_a_grid():
    layer = nn.Conv(SQUARE, "0+", "0+", 4, stride=2, key=KEY)
    assert layer.equivariant_under((4, 6)) == SQUARE
    with pytest.raises(ValueError, match="multiples of 2"):
        layer.equivariant_under((4, 5))
    with pytest.raises(ValueError, match="must have 2 sides"):
        layer.equivariant_under((4, 4, 4))
