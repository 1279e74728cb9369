"""Checkpoints: whole to the last bit, of one model only, and safe to read and write."""

import hashlib
import json
import os
import resource
import stat
import subprocess
import sys
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import geomnet as gn
from geomnet import nn, training
from geomnet.models._description_bounds import least_weights
from geomnet.testing._command import load_model
from geomnet.training._metadata import canonical

SQUARE = gn.hyperoctahedral(2)
FLOW = gn.Signature("s:0+ v:1+")
KEY = jax.random.key(0)


def conv(source=FLOW, seed: int = 0, **options):
    return nn.Conv(SQUARE, source, FLOW, key=jax.random.key(seed), **options)


def state_of(model):
    return training.start_training(model, optax.adam(1e-3), key=KEY)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "run.checkpoint"
    training.save_checkpoint(path, state_of(conv()), {"note": "half way", "n": 12})
    return path


# What a file holds is what was written.


def test_no_flipped_bit_is_read(saved):
    """400 bits anywhere, and every bit of the first line."""
    whole = saved.read_bytes()
    like = state_of(conv())
    first = whole.index(b"\n") + 1
    bits = np.random.default_rng(0).choice(8 * len(whole), 400, replace=False)
    for bit in [*bits.tolist(), *range(8 * first)]:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        saved.write_bytes(damaged)
        with pytest.raises(ValueError, match="not a checkpoint"):
            training.load_checkpoint(saved, like)
        if bit < 8 * first:
            with pytest.raises(ValueError, match="not a checkpoint"):
                training.read_metadata(saved)


def test_the_end_of_the_file_is_the_end(saved):
    whole = saved.read_bytes()
    for part in (whole + b"\0", whole + whole, whole[:-1], whole[: len(whole) // 2]):
        saved.write_bytes(part)
        with pytest.raises(ValueError, match="cut off or damaged"):
            training.load_checkpoint(saved, state_of(conv()))


def test_every_kind_of_leaf_comes_back(tmp_path):
    tree = {
        "float": jnp.arange(3.0),
        "small": jnp.ones((2, 2), jnp.bfloat16),
        "whole": jnp.array(7, jnp.int32),
        "numpy": np.arange(4, dtype=np.float64),
        "scalar": np.float32(0.1),
        "python": (3, 0.1, True, 2j),
        "key": jax.random.split(jax.random.key(3), 2),
        "raw": jax.random.PRNGKey(3),
        "empty": jnp.zeros((0, 3)),
        "words": ("text", None, jnp.sin),
    }
    training.save_checkpoint(tmp_path / "a", tree)
    found, _ = training.load_checkpoint(tmp_path / "a", tree)
    assert jax.tree.structure(found) == jax.tree.structure(tree)
    for a, b in zip(jax.tree.leaves(tree), jax.tree.leaves(found), strict=True):
        assert type(a) is type(b)
        if eqx.is_array_like(a):
            assert bool(jnp.all(a == b))
    shapes = eqx.filter_eval_shape(lambda: {"w": jnp.ones(3)})
    training.save_checkpoint(tmp_path / "b", {"w": jnp.arange(3.0)})
    loaded, _ = training.load_checkpoint(tmp_path / "b", shapes)
    np.testing.assert_array_equal(loaded["w"], np.arange(3.0))


# A model is more than its shapes.

CHANGED = {
    "order of types": (
        lambda: nn.Conv(SQUARE, "2x0+ 2x1+", "2x1+ 2x0+", key=KEY),
        lambda: nn.Conv(SQUARE, "2x1+ 2x0+", "2x1+ 2x0+", key=KEY),
        ".space",
    ),
    "boundary": (conv, lambda: conv(boundary=nn.Boundary.SLIP), ".faces"),
    "dilation": (conv, lambda: conv(dilation=2), ".dilation"),
    "group": (
        lambda: nn.LayerNorm(SQUARE, FLOW),
        lambda: nn.LayerNorm(gn.rotations(2), FLOW),
        "rotations",
    ),
    "class": (
        lambda: gn.Residual(conv(2 * FLOW)),
        lambda: eqx.nn.Sequential([conv(2 * FLOW)]),
        "Residual",
    ),
}


@pytest.mark.parametrize("change", CHANGED)
def test_a_model_of_equal_shapes_that_is_another_function_is_refused(change, tmp_path):
    before, after, named = CHANGED[change]
    shapes = [[x.shape for x in jax.tree.leaves(m())] for m in (before, after)]
    assert shapes[0] == shapes[1]
    path = tmp_path / "a"
    training.save_checkpoint(path, before())
    training.load_checkpoint(path, before())
    with pytest.raises(ValueError, match=rf"not a checkpoint of this state.*{named}"):
        training.load_checkpoint(path, after())
    # Inside of a training state, and the model alone from one.
    training.save_checkpoint(path, state_of(before()))
    training.load_checkpoint(path, before())
    for other in (after(), state_of(after())):
        with pytest.raises(ValueError, match=f"{named}.* in the file"):
            training.load_checkpoint(path, other)


def test_the_fingerprint_is_the_same_in_another_process(saved):
    script = (
        "import sys, jax, optax, geomnet as gn\n"
        "flow = gn.Signature('s:0+ v:1+')\n"
        "net = gn.nn.Conv(gn.hyperoctahedral(2), flow, flow, key=jax.random.key(0))\n"
        "adam, key = optax.adam(1e-3), jax.random.key(0)\n"
        "state = gn.training.start_training(net, adam, key=key)\n"
        "gn.training.load_checkpoint(sys.argv[1], state)\n"
    )
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", script, saved], check=True, cwd=root)


def test_weights_go_by_name_into_a_changed_model(saved, tmp_path):
    old = conv()
    new, left = training.load_weights(saved, conv(seed=1, dilation=2))
    np.testing.assert_array_equal(new.kernel.weights, old.kernel.weights)
    assert left == []
    assert new.dilation == 2
    # A kernel of equal shape with another meaning stays, and is named.
    path = tmp_path / "turned"
    before = nn.Conv(SQUARE, "2x0+ 2x1+", "2x1+ 2x0+", key=KEY)
    training.save_checkpoint(path, before)
    fresh = nn.Conv(SQUARE, "2x1+ 2x0+", "2x1+ 2x0+", key=jax.random.key(1))
    assert fresh.kernel.weights.shape == before.kernel.weights.shape
    found, left = training.load_weights(path, fresh)
    assert left == [".kernel.weights"]
    np.testing.assert_array_equal(found.kernel.weights, fresh.kernel.weights)
    with pytest.raises(ValueError, match="no weights that fit"):
        training.load_weights(path, conv(size=5).kernel)


def test_the_first_format_has_no_names_and_says_so():
    old = Path(__file__).parents[2] / "checkpoints" / "83c14d6" / "unet.ckpt"
    with pytest.raises(ValueError, match="first format"):
        training.load_weights(old, conv())


# Metadata.


def test_metadata_are_canonical(tmp_path):
    path = tmp_path / "a"
    given = {
        "grid": (8, np.int64(8)),
        "rate": np.float32(0.5),
        "flags": np.array([True, False]),
        "by number": {1: None},
        "nan": float("nan"),
    }
    training.save_checkpoint(path, conv(), given)
    found = training.read_metadata(path)
    assert np.isnan(found.pop("nan"))
    assert found == {
        "grid": [8, 8],
        "rate": 0.5,
        "flags": [True, False],
        "by number": {"1": None},
    }


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ({"a": {"b": [1, Path("x")]}}, r"`metadata\['a'\]\['b'\]\[1\]` is a path"),
        ({"f": print}, r"`metadata\['f'\]` is builtin_function"),
        ({(1, 2): 3}, r"has the key \(1, 2\)"),
        ([1], "`metadata` must be a dict"),
    ],
)
def test_what_json_can_not_say_is_named(metadata, named):
    with pytest.raises(TypeError, match=named):
        canonical(metadata)


# Places.


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_mode_is_that_of_the_umask(umask, tmp_path):
    before = os.umask(umask)
    try:
        training.save_checkpoint(tmp_path / "a", conv())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask


def test_a_symbolic_link_stays_one(tmp_path):
    link, real = tmp_path / "link", tmp_path / "far" / "real"
    real.parent.mkdir()
    link.symlink_to(real)
    for seed in (0, 1):
        training.save_checkpoint(link, conv(seed=seed))
        assert link.is_symlink()
        loaded, _ = training.load_checkpoint(real, conv())
        np.testing.assert_array_equal(
            loaded.kernel.weights, conv(seed=seed).kernel.weights
        )


def test_a_link_under_the_name_of_the_lock_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "a.lock").symlink_to(victim)
    with pytest.raises(ValueError, match=r"a\.lock is a symbolic link"):
        training.save_checkpoint(tmp_path / "a", conv())
    (tmp_path / "b.lock").symlink_to(tmp_path / "none")
    with pytest.raises(ValueError, match=r"b\.lock is a symbolic link"):
        training.save_checkpoint(tmp_path / "b", conv())
    assert victim.read_text() == "precious"
    assert not (tmp_path / "none").exists()


def test_places_that_can_not_be_written_are_named(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "a", Path("/proc/none/a")):
        with pytest.raises(ValueError, match="`checkpoint`"):
            training.save_checkpoint(path, conv())


def test_a_full_disk_leaves_the_file_before(saved):
    before = saved.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            training.save_checkpoint(saved, state_of(conv(seed=1)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert saved.read_bytes() == before
    assert [file.name for file in saved.parent.iterdir()] == [saved.name]


# Files from strangers.


def forged(path: Path, header: dict, body: bytes = b"") -> None:
    first = b"{}\n"
    header = {"metadata": hashlib.sha256(first).hexdigest(), **header}
    content = first + json.dumps(header).encode() + b"\n" + body
    path.write_bytes(content + hashlib.sha256(content).digest())


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"structure": {}, "leaves": [["", "float32[10]", 10**15]]},
        {"structure": {}, "leaves": [["", "a", -40], ["b", "c", 40]]},
        {"structure": {}, "leaves": [["", "a", "many"]]},
        {"structure": [], "leaves": 3},
        {"structure": {"": "Conv"}, "leaves": [[1, 2]]},
    ],
)
def test_sizes_that_a_file_only_claims_are_not_believed(header, tmp_path):
    path = tmp_path / "a"
    forged(path, {"geomnet checkpoint": 2, **header})
    with pytest.raises(ValueError, match="is not a checkpoint"):
        training.load_checkpoint(path, jnp.zeros(10))
    forged(path, {"geomnet checkpoint": 3, **header})
    with pytest.raises(ValueError, match="format that this version reads"):
        training.load_checkpoint(path, jnp.zeros(10))


def test_the_first_format_is_not_believed_either(tmp_path):
    path = tmp_path / "a"
    array = b"\x93NUMPY\x01\x00v\x00"
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }"
    path.write_bytes(b"{}\n" + array + text.ljust(117) + b"\n" + b"1234")
    with pytest.raises(ValueError, match="cut off or damaged"):
        training.load_checkpoint(path, jnp.zeros(10))


def test_foreign_files_are_no_checkpoints(tmp_path):
    path = tmp_path / "a"
    deep = b'{"a":' * 100_000 + b"}" * 100_000 + b"\n"
    contents = [b"", b"hello", bytes(range(256)), b"\n", b"[1]\n", deep, b"\xff\xfe\n"]
    np.save(tmp_path / "b.npy", np.zeros(3))
    for content in [*contents, (tmp_path / "b.npy").read_bytes()]:
        path.write_bytes(content)
        for read in (
            training.read_metadata,
            lambda p: training.load_checkpoint(p, KEY),
        ):
            with pytest.raises(ValueError, match="is not a checkpoint") as found:
                read(path)
            assert "codec" not in str(found.value)
    for other in (tmp_path, Path("/dev/zero")):
        with pytest.raises(ValueError, match="no ordinary file"):
            training.read_metadata(other)


def small():
    return gn.UNet(gn.hyperoctahedral(1), "0+", "0+", hidden="0+ 1+", depth=0, key=KEY)


def nested(depth: int):
    return [nested(depth - 1)] if depth else 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"hidden": "0+ " * 350_000}, "1050000 characters"),
        ({"in_signature": "0+ " * 350_000}, "1050000 characters"),
        ({"hidden": "1000000x0+"}, "weights or more"),
        ({"in_signature": "1000000000000x0+"}, "weights or more"),
        ({"depth": 10**6}, "weights or more"),
        ({"depth": 60}, "weights or more"),
        ({"depth": 10**400}, "weights or more"),
        ({"size": 10**9}, "weights or more"),
        ({"boundary": nested(50)}, "nested too deeply"),
        ({"boundary": [["PERIODIC"]] * 5000}, "nested too deeply"),
    ],
)
def test_descriptions_that_the_file_does_not_explain_are_refused_at_once(
    change, named, tmp_path
):
    """Before anything is built: a signature of 1 MB hung, a depth took all memory."""
    path = tmp_path / "a"
    described = gn.models.describe_model(small()) | change
    training.save_checkpoint(path, small(), {"model": described})
    begun = time.process_time()
    with pytest.raises(ValueError, match=named):
        load_model(path)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "name", ["UNet", "ResUNet", "ResNet", "DilatedResNet", "FNO", "Propagator"]
)
@pytest.mark.parametrize("d", [1, 2])
def test_no_network_has_fewer_weights_than_its_description_is_taken_for(name, d):
    group = gn.hyperoctahedral(d)
    options = {
        "UNet": {"depth": 2, "size": 5},
        "ResUNet": {"depth": 1, "num_blocks": 3},
        "ResNet": {"num_blocks": 2, "size": 5},
        "DilatedResNet": {"num_blocks": 2},
        "FNO": {"modes": 5, "num_blocks": 3},
        "Propagator": {"modes": 40, "num_blocks": 3, "num_parameters": 1},
    }[name]

    def build(key):
        kind = getattr(gn.models, name)
        return kind(group, "9x0+", "0+", hidden="2x0+ 3x1+", key=key, **options)

    model = eqx.filter_eval_shape(build, KEY)
    description = json.loads(json.dumps(gn.models.describe_model(model)))
    count = sum(np.prod(x.shape) for x in jax.tree.leaves(model))
    assert 10 < least_weights(description) <= count
