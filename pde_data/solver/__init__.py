"""The compressible Navier-Stokes solver: a gas on a grid, from a start to a time."""
