"""The notation of tensor types and signatures, and the layout it stands for."""

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from geomnet import Entry, Signature, TensorType
from geomnet._signature import check_signature

TYPES = [f"{k}{p}" for k in range(5) for p in "+-"]
TYPES += [f"{k}{s}{p}" for k in (2, 3, 4) for s in "sa" for p in "+-"]

entries = st.tuples(
    st.sampled_from(["", "density", "u", "field_2"]),
    st.integers(1, 64),
    st.sampled_from(TYPES),
).map(lambda e: Entry(e[0], e[1], TensorType.parse(e[2])))
signatures = st.lists(entries, min_size=1, max_size=4).filter(
    lambda es: len({e.name for e in es if e.name}) == sum(bool(e.name) for e in es)
)


@pytest.mark.parametrize("text", TYPES)
def test_types_round_trip(text):
    parsed = TensorType.parse(text)
    assert str(parsed) == text
    assert TensorType.parse(parsed) is parsed
    assert parsed.parity == (1 if text[-1] == "+" else -1)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(signatures)
def test_signatures_round_trip(parts):
    signature = Signature(parts)
    assert Signature(str(signature)) == signature
    assert hash(Signature(str(signature))) == hash(signature)
    assert eval(repr(signature), {"Signature": Signature}) == signature


@settings(max_examples=50, deadline=None, derandomize=True)
@given(signatures, st.integers(1, 3), st.integers(1, 5))
def test_slices_tile_the_last_axis(parts, d, factor):
    signature = Signature(parts)
    slices = signature.slices(d)
    assert slices[0].start == 0
    assert slices[-1].stop == signature.features(d)
    for a, b in itertools.pairwise(slices):
        assert a.stop == b.start
    for entry, where in zip(signature, slices, strict=True):
        size = entry.channels * d**entry.type.order
        assert where.stop - where.start == entry.features(d) == size
    assert (factor * signature).features(d) == factor * signature.features(d)


def test_multiplying_keeps_the_names_and_adding_joins():
    flow = Signature("density:0+ pressure:0+ velocity:1+")
    assert str(4 * flow) == "density:4x0+ pressure:4x0+ velocity:4x1+"
    assert flow * 4 == 4 * flow
    assert str(flow + "vorticity:0-") == f"{flow} vorticity:0-"
    assert flow.names == ("density", "pressure", "velocity")
    assert flow.types == (TensorType(0, 1), TensorType(1, 1))
    assert (2 * flow).channels("0+") == 4
    assert flow.channels("1-") == 0


def test_agreement_ignores_names_only_where_one_is_missing():
    named, plain = Signature("u:1+"), Signature("1+")
    assert named.agrees_with(plain)
    assert named != plain
    assert not named.agrees_with(Signature("v:1+"))
    assert not named.agrees_with(Signature("2x1+"))
    with pytest.raises(ValueError, match="`image` must have signature 'u:1\\+'"):
        check_signature(Signature("v:1+"), named, "image", "Conv")


@pytest.mark.parametrize(
    "text", ["", "1", "+", "1*", "v", "1.5+", "2b+", "s2+", "5+", "0s+", "1a-", "-1+"]
)
def test_unknown_types_are_refused_with_the_notation(text):
    with pytest.raises(ValueError, match=r"'0\+'|`order`|no indices to exchange"):
        TensorType.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one entry"),
        ("velocity", "not a signature entry"),
        ("velocity 1+", "not a signature entry"),
        ("u:1+ u:0+", "occurs twice"),
        ("0x1+", "0 channels"),
        ("2y:1+", "not a signature entry"),
    ],
)
def test_bad_signatures_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Signature(text)


def test_bad_values_are_refused():
    with pytest.raises(ValueError, match="1 or more"):
        _ = 0 * Signature("1+")
    with pytest.raises(ValueError, match="`order`"):
        TensorType(5, 1)
    with pytest.raises(TypeError):
        _ = Signature("1+") + 3  # type: ignore[operator]
