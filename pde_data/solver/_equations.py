"""The compressible Navier-Stokes equations on a grid: rate of change, stable step."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arguments import checked
from ._boundary import (
    BoundaryCondition,
    FacePair,
    face_pairs,
    largest,
    periodic,
    trimmed_beside,
    with_ghosts,
)
from ._gas import IdealGas
from ._grid import Grid
from ._materialisation import compiled_in_parts, materialised
from ._positivity import positive_flux
from ._reconstruction import MUSCL, AbstractReconstruction, shifted
from ._riemann import RiemannSolver, hllc
from ._rounding import rounded, symmetric_sum
from ._state import Conserved, Primitive
from ._stepper import LONGEST, ssp_rk2
from ._transport import Transport, ViscosityModel, transport_of
from ._viscous_stencils import ViscousOrder
from ._weight import mirrored_at_walls, push_of_walls, sides_to_close, weighed
from ._weno import flux_correction

Forcing = Callable[[Primitive, Grid, Float[Array, ""]], tuple[Array, ...]]


class CompressibleNavierStokes(eqx.Module):
    """A viscous, heat-conducting ideal gas on a uniform grid, by finite volumes.

        ∂ₜρ      + ∇·(ρu)                       = 0
        ∂ₜ(ρu)   + ∇·(ρu⊗u + pI - σ)            = ρa
        ∂ₜE      + ∇·((E + p)u - u·σ + q)       = ρa·u

    with E = p/(γ-1) + ρ|u|²/2, σ = η(∇u + ∇uᵀ - (2/3)∇·u I) + ζ∇·u I and q = -κ∇T,
    T = p/ρ. Everything is non-dimensional.

    **Arguments:**

    - `grid`: a `Grid`, or the number of cells per axis of the unit box.
    - `gamma`: ratio of specific heats, greater than 1.
    - `shear_viscosity`, `bulk_viscosity`: η and ζ, dynamic viscosities; with
      `viscosity="kinematic"` they are multiplied by the local density.
    - `prandtl_number`: η cₚ/κ with cₚ = γ/(γ-1); `None` for no heat conduction.
    - `reconstruction`, `riemann`, `stepper`: the parts of the scheme.
    - `viscous_stepper`: `rkl2` for viscosity and conduction in steps of their own, half
      before and half after that of sound, which then bounds it; `None`: all in one.
    - `viscous_order`: of viscous fluxes in space: 2, or 4, for smooth flows, with a
      reconstruction from point values such as `AWENO5Z`.
    - `boundary`: one boundary for all faces, or one `(lower, upper)` pair per axis.
    - `forcing`: `(state, grid, time) -> a`, an acceleration per axis; or `None`.
    - `courant_number`: the time step over the largest that is stable.
    - `positivity`: whether fluxes are limited so that density and pressure stay
      positive (guaranteed up to Courant number 1/2); `None`: where the reconstruction
      is not bounded by its neighbours.

    One step commutes with the rotations and reflections that keep the grid, and with
    shifts by whole cells, bit for bit.

    **Raises:** `ValueError` for a parameter that has no meaning.

    **Good values:** `grid=(128, 128)`, viscosities 0.01, with
    `initial.random_fourier(..., mach=0.1)`.
    """

    gas: IdealGas
    transport: Transport | None
    forcing: Forcing | None
    boundary: tuple[FacePair, ...]
    grid: Grid = eqx.field(static=True)
    reconstruction: AbstractReconstruction
    riemann: RiemannSolver = eqx.field(static=True)
    stepper: Callable = eqx.field(static=True)
    viscous_stepper: Callable | None = eqx.field(static=True)
    courant_number: float = eqx.field(static=True)
    positivity: bool = eqx.field(static=True)

    @checked
    def __init__(
        self,
        grid: Grid | Sequence[int],
        gamma: "float | np.ndarray | Array" = 5 / 3,
        shear_viscosity: "float | np.ndarray | Array" = 0.0,
        bulk_viscosity: "float | np.ndarray | Array" = 0.0,
        *,
        prandtl_number: "float | np.ndarray | Array | None" = None,
        viscosity: ViscosityModel = "dynamic",
        reconstruction: AbstractReconstruction | None = None,
        riemann: RiemannSolver = hllc,
        stepper: Callable = ssp_rk2,
        viscous_stepper: Callable | None = None,
        viscous_order: ViscousOrder = 2,
        boundary: BoundaryCondition | Sequence[FacePair] = periodic,
        forcing: Forcing | None = None,
        courant_number: float = 0.5,
        positivity: bool | None = None,
    ):
        self.grid = grid if isinstance(grid, Grid) else Grid(grid)
        self.gas = IdealGas(gamma)
        self.transport = transport_of(
            shear_viscosity, bulk_viscosity, prandtl_number, viscosity, viscous_order
        )
        self.reconstruction = MUSCL() if reconstruction is None else reconstruction
        self.riemann = riemann
        self.stepper = stepper
        self.viscous_stepper = viscous_stepper
        self.forcing = forcing
        self.boundary = face_pairs(boundary, self.grid.num_spatial_dims)
        if not 0 < courant_number <= 1:
            raise ValueError(
                f"`courant_number` must be in (0, 1], got {courant_number}."
            )
        self.courant_number = float(courant_number)
        self.positivity = (
            not self.reconstruction.bounded if positivity is None else positivity
        )
        width = self.num_ghosts
        if min(self.grid.shape) < width:
            raise ValueError(
                f"`grid` must have at least {width} cells along each axis for this "
                f"scheme, got {self.grid.shape}."
            )

    @property
    def inviscid(self) -> "CompressibleNavierStokes":
        """The same without viscosity and conduction."""
        return eqx.tree_at(lambda solver: solver.transport, self, None)

    @property
    def num_ghosts(self) -> int:
        """Ghost cells beyond each face that the rate of change needs."""
        viscous = 1 if self.transport is None else self.transport.stencils.reach
        return max(self.reconstruction.width, viscous)

    @property
    def _steps_apart(self) -> bool:
        return self.transport is not None and self.viscous_stepper is not None

    def rate(
        self,
        state: Conserved,
        time: Float[Array, ""],
        step: Float[Array, ""] | None = None,
    ) -> Conserved:
        """The rate of change of the conserved variables, in `state` at `time`.

        `step` is the time step that it will be used for, which the positivity limiter
        must know; `None` stands for the largest stable one.
        """
        width = self.num_ghosts
        cells = self.gas.primitive(state)
        spacing = self.grid.spacing
        padded, acceleration = self._padded(cells, width, time)
        uniform = len(set(spacing)) == 1
        ratios = None
        if self.positivity:
            ratios = self._part_ratios(
                cells, self.stable_step(state) if step is None else step
            )
        changes = []
        for axis in range(self.grid.num_spatial_dims):
            ratio = None if ratios is None else ratios[axis]
            flux = self.face_flux(padded, axis, ratio)
            change = jax.tree.map(lambda f, axis=axis: _outflux(f, axis), flux)
            if not uniform:
                scale = 1 / spacing[axis]
                change = jax.tree.map(lambda x, s=scale: rounded(x * s), change)
            changes.append(change)
        scale = -1 / spacing[0] if uniform else -1.0
        rate = jax.tree.map(
            lambda *terms: rounded(scale * symmetric_sum(list(terms))), *changes
        )
        return rate if acceleration is None else _with_force(rate, cells, acceleration)

    def face_flux(
        self, padded: Primitive, axis: int, ratio: Float[Array, ""] | None = None
    ) -> Conserved:
        """The flux through the `n + 1` faces of `axis`, from `padded`, with ghost
        cells.

        It is limited for positivity where `ratio` is given, as in `positive_flux`.
        """
        width, reach = self.num_ghosts, self.reconstruction.width
        cells = jax.tree.map(
            lambda x: trimmed_beside(x, axis, width, width - reach), padded
        )
        pairs = jax.tree.map(lambda x: self.reconstruction(x, axis), cells)
        left, right = jax.tree.transpose(
            jax.tree.structure(cells), jax.tree.structure((0, 0)), pairs
        )
        below, above = _neighbours(cells, axis, reach)
        if not self.reconstruction.bounded:
            left, right = _physical(left, below), _physical(right, above)
        faces = self.boundary[axis]
        walls = sides_to_close(faces, self.forcing is not None)
        left, right = mirrored_at_walls(left, right, axis, faces, walls)
        below, above = mirrored_at_walls(below, above, axis, faces, walls)

        def once(f: Float[Array, " *faces"]) -> Float[Array, " *faces"]:
            return materialised(f, below.density)

        flux = jax.tree.map(rounded, self.riemann(left, right, axis, self.gas))
        if self.transport is None:
            flux = jax.tree.map(once, flux)
        if self.reconstruction.point_values:
            central = jax.tree.map(rounded, self.gas.flux(cells, axis))
            central = jax.tree.map(lambda f: materialised(f, cells.density), central)
            correction = flux_correction(central, axis)
            correction = push_of_walls(correction, axis, faces, walls)
            flux = jax.tree.map(jnp.add, flux, correction)
            flux = jax.tree.map(once, flux)
        if ratio is not None:
            flux = positive_flux(flux, below, above, axis, self.gas, ratio)
        if self.transport is None:
            return flux
        rest = width - self.transport.stencils.reach
        near = jax.tree.map(lambda x: trimmed_beside(x, axis, rest, rest), padded)
        viscous = self.transport.flux(near, axis, self.grid.spacing, self.gas)
        momentum = zip(flux.momentum, viscous.momentum, strict=True)
        return Conserved(
            flux.density,
            tuple(once(f - v) for f, v in momentum),
            once(flux.energy - viscous.energy),
            flux.tracer,
        )

    def viscous_rate(self, state: Conserved, time: Float[Array, ""]) -> Conserved:
        """What viscosity and conduction add to the rate of change of `state` at `time`.

        **Raises:** `ValueError` if there are none.
        """
        if self.transport is None:
            raise ValueError("`viscous_rate` needs a gas with viscosity.")
        reach = self.transport.stencils.reach
        padded, _ = self._padded(self.gas.primitive(state), reach, time)
        return self.transport.rate(padded, self.grid.spacing, self.gas)

    def _padded(
        self, cells: Primitive, width: int, time: Float[Array, ""]
    ) -> tuple[Primitive, tuple[Array, ...] | None]:
        """The state with ghost cells, and the acceleration where there is a force."""
        padded = with_ghosts(cells, width, self.boundary)
        if self.forcing is None:
            return padded, None
        acceleration = self.forcing(cells, self.grid, time)
        padded = weighed(
            padded, cells, acceleration, width, self.boundary, self.grid.spacing
        )
        return padded, acceleration

    def max_viscous_rate(self, state: Conserved) -> Float[Array, ""]:
        """The largest rate of diffusion in `state`: Σᵢ 2ν/Δxᵢ², 49/36 of it at fourth
        order; zero without.
        """
        if self.transport is None:
            return jnp.zeros_like(state.density, shape=())
        cells = self.gas.primitive(state)
        diffusivity = self.transport.max_diffusivity(cells, self.gas)
        twice = 2 * self.transport.stencils.stiffness
        fastest = largest(diffusivity, self.boundary)
        return fastest * sum(twice / dx**2 for dx in self.grid.spacing)

    def max_rate(self, state: Conserved) -> Float[Array, ""]:
        """The largest rate that bounds the step, over all cells of `state`.

        Σᵢ (|uᵢ| + c)/Δxᵢ + 2ν/Δxᵢ² with the largest diffusivity ν, of which a
        `viscous_stepper` leaves a small part. NaN or infinite where the state has no
        positive density and pressure.
        """
        if self._steps_apart:
            # Half a step is no longer than that of viscosity may be.
            longest = 2 * LONGEST / self.courant_number
            viscous = self.max_viscous_rate(state) * (1 / longest)
            return jnp.maximum(self.inviscid.max_rate(state), viscous)
        cells = self.gas.primitive(state)
        sound = self.gas.sound_speed(cells)
        diffusivity, twice = None, 2.0
        if self.transport is not None:
            diffusivity = self.transport.max_diffusivity(cells, self.gas)
            twice *= self.transport.stencils.stiffness
        terms = []
        for u, dx in zip(cells.velocity, self.grid.spacing, strict=True):
            term = rounded((jnp.abs(u) + sound) * (1 / dx))
            if diffusivity is not None:
                term = term + rounded(diffusivity * (twice / dx**2))
            terms.append(term)
        rate = symmetric_sum(terms)
        bad = ~((cells.density > 0) & (cells.pressure > 0))
        return largest(jnp.where(bad, jnp.inf, rate), self.boundary)

    def _part_ratios(
        self, cells: Primitive, step: Float[Array, ""]
    ) -> list[Float[Array, ""]]:
        """Δt/Δx over the part of a cell that answers for one face of each axis.

        Cells are shared out in proportion to the fastest signal along each axis.
        """
        sound = self.gas.sound_speed(cells)
        rates = [
            largest(jnp.abs(u) + sound, self.boundary) * (1 / dx)
            for u, dx in zip(cells.velocity, self.grid.spacing, strict=True)
        ]
        total = symmetric_sum([rounded(rate) for rate in rates])
        return [
            2 * step * (total / rate) * (1 / dx)
            for rate, dx in zip(rates, self.grid.spacing, strict=True)
        ]

    def stable_step(self, state: Conserved) -> Float[Array, ""]:
        """`courant_number` over the `max_rate` of `state`; zero or NaN on failure."""
        return self.courant_number / self.max_rate(state)

    def step(
        self, state: Conserved, step: Float[Array, ""], time: Float[Array, ""]
    ) -> Conserved:
        """The `state` one time `step` after `time`."""
        if self._steps_apart:
            state = self._diffused(state, 0.5 * step, time)
            state = self.inviscid.step(state, step, time)
            return self._diffused(state, 0.5 * step, time + 0.5 * step)
        # In 1D, and with short reconstructions, one function compiles fast and runs
        # faster.
        if not self.reconstruction.bounded and self.grid.num_spatial_dims > 1:
            step = compiled_in_parts(step)

        def rate(state: Conserved, time: Float[Array, ""]) -> Conserved:
            return self.rate(state, time, step)

        return self.stepper(rate, state, time, step)

    def _diffused(
        self, state: Conserved, step: Float[Array, ""], time: Float[Array, ""]
    ) -> Conserved:
        """The state after viscosity and conduction alone, which move no mass."""

        def rate(state: Conserved) -> Conserved:
            return self.viscous_rate(state, time)

        assert self.viscous_stepper is not None
        return self.viscous_stepper(rate, state, step, self.max_viscous_rate(state))


def _neighbours(cells: Primitive, axis: int, width: int) -> tuple[Primitive, Primitive]:
    """The cells below and above each of the `n + 1` faces."""
    near = jax.tree.map(lambda x: trimmed_beside(x, axis, 0, width - 1), cells)
    below = jax.tree.map(lambda x: shifted(x, axis, 1)[0], near)
    above = jax.tree.map(lambda x: shifted(x, axis, 1)[1], near)
    return below, above


def _physical(face: Primitive, cell: Primitive) -> Primitive:
    """The face state, or its cell's where density or pressure are far below it."""
    good = (face.density > 0.1 * cell.density) & (face.pressure > 0.1 * cell.pressure)
    return jax.tree.map(lambda a, b: jnp.where(good, a, b), face, cell)


def _outflux(flux: Float[Array, " *faces"], axis: int) -> Float[Array, "..."]:
    low, high = shifted(flux, axis, 1)
    return high - low


def _with_force(
    rate: Conserved, cells: Primitive, acceleration: tuple[Array, ...]
) -> Conserved:
    force = [rounded(cells.density * a) for a in acceleration]
    work = symmetric_sum(
        [rounded(f * u) for f, u in zip(force, cells.velocity, strict=True)]
    )
    return Conserved(
        rate.density,
        tuple(m + f for m, f in zip(rate.momentum, force, strict=True)),
        rate.energy + work,
        rate.tracer,
    )
