"""The subgroups of a group: all of them, and the largest within a set."""

import geomnet as gn
from geomnet._group import as_matrix
from geomnet.symmetry._subgroups import element_name, largest_subgroup, subgroups

SQUARE = gn.hyperoctahedral(2)


def test_subgroups_are_complete():
    # Known numbers, without the trivial one: of the square 10, of the cube 98.
    assert len(subgroups(SQUARE)) == 9
    assert len(subgroups(gn.hyperoctahedral(3))) == 97
    assert len(subgroups(gn.rotations(3))) == 29


def test_the_largest_subgroup_of_a_set_is_found():
    everything = set(map(as_matrix, SQUARE.elements))
    assert largest_subgroup(everything, 2) == SQUARE
    turn = as_matrix([[0, -1], [1, 0]])
    # Without a turn by 90 degrees its inverse and the group of turns are lost too.
    assert largest_subgroup(everything - {turn}, 2).order == 4
    assert largest_subgroup({as_matrix([[1, 0], [0, 1]]), turn}, 2) == gn.trivial(2)
    assert element_name(turn) == "x -> y, y -> -x"
