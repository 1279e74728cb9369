"""How far a map is from commuting with a group element or a shift.

For `geomnet.symmetry` and `geomnet.testing`, which stand above. `FieldMap` makes any
callable a map of `Field`s, a `Motion` moves them, `difference` compares two, and a
`Deviation` says how far `f(g·x)` is from `g·f(x)`; `_tolerance` and `_program` say what
of it rounding explains. Only the package's own root modules are needed.
"""
