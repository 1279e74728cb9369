"""Flows with known solutions, in float64 NumPy: what the solver is measured against."""

import dataclasses

import numpy as np

from ._arguments import check_same_shape, checked


@dataclasses.dataclass(frozen=True)
class RiemannProblem:
    """Two uniform states that meet at x = 0: `left` and `right` are (ρ, u, p), and
    `gamma` the ratio of specific heats.

    **Reference:** Toro (2009), Riemann Solvers and Numerical Methods, Ch. 4.
    """

    left: tuple[float, float, float]
    right: tuple[float, float, float]
    gamma: float = 1.4

    def star(self) -> tuple[float, float]:
        """Pressure and velocity between the outer waves (Toro Eq. 4.5 and 4.9).

        **Raises:** `ValueError` where the states fly apart and leave a vacuum.
        """
        (density_l, u_l, p_l), (density_r, u_r, p_r) = self.left, self.right
        g = self.gamma
        c_l, c_r = np.sqrt(g * p_l / density_l), np.sqrt(g * p_r / density_r)
        if not 2 / (g - 1) * (c_l + c_r) > u_r - u_l:
            raise ValueError(
                "`left` and `right` fly apart so fast that a vacuum forms between them."
            )

        def excess(p: float) -> float:
            return self._wave(p, self.left) + self._wave(p, self.right) + u_r - u_l

        # The function is monotone: bracket its root, then bisect to the last bit.
        low, high = 0.0, max(p_l, p_r)
        while excess(high) < 0:
            low, high = high, 2 * high
        for _ in range(200):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if excess(middle) < 0 else (low, middle)
        p = 0.5 * (low + high)
        jump = self._wave(p, self.right) - self._wave(p, self.left)
        return float(p), float(0.5 * (u_l + u_r) + 0.5 * jump)

    def sample(self, speed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Density, velocity and pressure along the rays x/t = `speed`.

        **Raises:** `ValueError` as `star`.
        """
        p_star, u_star = self.star()
        from_left = speed < u_star
        left = self._side(speed, self.left, p_star, u_star)
        # The right half is the left half of the mirrored problem.
        density, u, p = self.right
        mirrored = self._side(-speed, (density, -u, p), p_star, -u_star)
        signs = (1, -1, 1)
        values = [
            np.where(from_left, a, sign * b)
            for a, b, sign in zip(left, mirrored, signs, strict=True)
        ]
        return values[0], values[1], values[2]

    def _wave(self, p: float, side: tuple[float, float, float]) -> float:
        """Toro's f_K, Eq. 4.6 and 4.7: the change of velocity across an outer wave."""
        density, _, p_k = side
        g = self.gamma
        if p > p_k:
            a, b = 2 / ((g + 1) * density), (g - 1) / (g + 1) * p_k
            return (p - p_k) * np.sqrt(a / (p + b))
        c = np.sqrt(g * p_k / density)
        return 2 * c / (g - 1) * ((p / p_k) ** ((g - 1) / (2 * g)) - 1)

    def _side(
        self,
        speed: np.ndarray,
        side: tuple[float, float, float],
        p_star: float,
        u_star: float,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The solution left of the contact: a shock or a fan (Toro Sec. 4.5)."""
        density, u, p = side
        g = self.gamma
        c = np.sqrt(g * p / density)
        ratio, k = p_star / p, (g - 1) / (g + 1)
        if p_star > p:
            star_density = density * (ratio + k) / (k * ratio + 1)
            shock = u - c * np.sqrt((g + 1) / (2 * g) * ratio + (g - 1) / (2 * g))
            behind = speed > shock
            return (
                np.where(behind, star_density, density),
                np.where(behind, u_star, u),
                np.where(behind, p_star, p),
            )
        star_density = density * ratio ** (1 / g)
        star_c = c * ratio ** ((g - 1) / (2 * g))
        head, tail = u - c, u_star - star_c
        fan_c = 2 / (g + 1) * (c + (g - 1) / 2 * (u - speed))
        fan_c = np.where((speed > head) & (speed < tail), fan_c, c)
        zones = [speed <= head, speed >= tail]
        fan_density = density * (fan_c / c) ** (2 / (g - 1))
        return (
            np.select(zones, [density, star_density], fan_density),
            np.select(zones, [u, u_star], 2 / (g + 1) * (c + (g - 1) / 2 * u + speed)),
            np.select(zones, [p, p_star], p * (fan_c / c) ** (2 * g / (g - 1))),
        )


SOD = RiemannProblem((1.0, 0.0, 1.0), (0.125, 0.0, 0.1))
"""Sod (1978): a weak tube, with a rarefaction, a contact and a shock."""

LAX = RiemannProblem((0.445, 0.698, 3.528), (0.5, 0.0, 0.571))
"""Lax (1954): the same waves, stronger, with gas in motion at the left."""

TORO = (
    (RiemannProblem((1.0, 0.75, 1.0), (0.125, 0.0, 0.1)), 0.3, 0.2),
    (RiemannProblem((1.0, -2.0, 0.4), (1.0, 2.0, 0.4)), 0.5, 0.15),
    (RiemannProblem((1.0, 0.0, 1000.0), (1.0, 0.0, 0.01)), 0.5, 0.012),
    (
        RiemannProblem((5.99924, 19.5975, 460.894), (5.99242, -6.19633, 46.0950)),
        0.4,
        0.035,
    ),
    (RiemannProblem((1.0, -19.59745, 1000.0), (1.0, -19.59745, 0.01)), 0.8, 0.012),
)
"""The five tubes of Toro (2009), Table 4.1 and Sec. 10.8, each with the position of the
jump and the final time.
"""


@checked
def isentropic_vortex(
    x: np.ndarray,
    y: np.ndarray,
    *,
    center: tuple[float, float] = (5.0, 5.0),
    strength: float = 5.0,
    background: tuple[float, float] = (1.0, 1.0),
    gamma: float = 5 / 3,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """ρ, u, v, p of a vortex that the background carries along unchanged.

    An exact Euler flow: δu = β/2π e^((1-r²)/2) (-y, x), ρ = T^(1/(γ-1)) with
    T = 1 - (γ-1)β²/(8γπ²) e^(1-r²). At r = 5 its tail is 2e-5 of its core: the box must
    be larger than that for a periodic test to be finer.

    **Arguments:**

    - `x`, `y`: where, in one shape, the core about 1 wide.
    - `center`: of the vortex.
    - `strength`: β; 5 is usual.
    - `background`: the uniform velocity.
    - `gamma`: the ratio of specific heats.

    **Raises:** `ValueError` if `x` and `y` differ in shape; `TypeError` for another
    kind of argument.

    **Reference:** Shu (1998), ICASE 97-65, Sec. 5.1.
    """
    check_same_shape(x=x, y=y)
    dx, dy = x - center[0], y - center[1]
    squared = dx**2 + dy**2
    swirl = strength / (2 * np.pi) * np.exp(0.5 * (1 - squared))
    factor = (gamma - 1) * strength**2 / (8 * gamma * np.pi**2)
    temperature = 1 - factor * np.exp(1 - squared)
    density = temperature ** (1 / (gamma - 1))
    u, v = background[0] - swirl * dy, background[1] + swirl * dx
    return density, u, v, density * temperature


@dataclasses.dataclass(frozen=True)
class LinearWave:
    """A small plane wave e^(i k·x + λt) on gas at rest with density ρ and pressure p.

    `rates` are the three complex λ of the waves that carry no shear: two sound waves
    and one of heat. The eigenvalues of the linearised equations for (ρ', u', p'), where
    ν = (4η/3 + ζ)/ρ:

        λρ' = -iρk u',  λu' = -νk² u' - ik/ρ p',
        λp' = -iγpk u' - κ(γ-1)k²/ρ (p' - p/ρ ρ').

    **Arguments:**

    - `wave_number`: k, in radians per length.
    - `density`, `pressure`, `gamma`: of the gas at rest.
    - `shear_viscosity`, `bulk_viscosity`: η and ζ, dynamic.
    - `conductivity`: κ, where the heat flux is -κ∇(p/ρ).
    """

    wave_number: float
    density: float = 1.0
    pressure: float = 1.0
    gamma: float = 5 / 3
    shear_viscosity: float = 0.0
    bulk_viscosity: float = 0.0
    conductivity: float = 0.0

    def modes(self) -> tuple[np.ndarray, np.ndarray]:
        """Rates λ, sorted by imaginary part, and modes (ρ', u', p') in columns."""
        k, g = self.wave_number, self.gamma
        density, p = self.density, self.pressure
        drag = (4 / 3 * self.shear_viscosity + self.bulk_viscosity) / density * k**2
        heat = self.conductivity * (g - 1) * k**2 / density
        matrix = np.array(
            [
                [0, -1j * density * k, 0],
                [0, -drag, -1j * k / density],
                [heat * p / density, -1j * g * p * k, -heat],
            ]
        )
        rates, vectors = np.linalg.eig(matrix)
        order = np.argsort(np.imag(rates))
        return rates[order], vectors[:, order]

    def shear_rate(self) -> float:
        """The decay rate of a transverse wave, ηk²/ρ."""
        return self.shear_viscosity * self.wave_number**2 / self.density


@dataclasses.dataclass(frozen=True)
class BeckerShock:
    """A steady viscous shock of Mach number `mach`: an exact Navier-Stokes solution.

    For Prandtl number 3/4, constant η and no bulk viscosity, total enthalpy is uniform
    and the profile is explicit as x(u). The gas ahead has density 1, sound speed 1 and
    ratio of specific heats `gamma`, and flows in at `mach` from the left; η is
    `shear_viscosity`.

    **Reference:** Becker (1922), Z. Phys. 8; Margolin, Reisner and Jordan (2017),
    J. Stat. Phys. 168.
    """

    mach: float = 2.0
    gamma: float = 1.4
    shear_viscosity: float = 0.01

    @property
    def ahead(self) -> tuple[float, float, float]:
        """(ρ, u, p) far upstream."""
        return 1.0, self.mach, 1 / self.gamma

    @property
    def behind(self) -> tuple[float, float, float]:
        """(ρ, u, p) far downstream."""
        u1 = self.mach * (self.gamma - 1 + 2 / self.mach**2) / (self.gamma + 1)
        density, u, p = self._state(np.asarray(u1))
        return float(density), float(u), float(p)

    def sample(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """ρ, u, p at `x`, zero where the velocity is the geometric mean of the ends."""
        g, u0, u1 = self.gamma, self.mach, self.behind[1]
        length = 8 * g / (3 * (g + 1)) * self.shear_viscosity / self.mach

        # Search in log((u0 - u)/(u - u1)), which is monotone in x and never saturates.
        def position(s: np.ndarray) -> np.ndarray:
            share = 1 / (1 + np.exp(-s))
            upper, lower = np.log(u0 - u1) + np.log(share), np.log(u0 - u1)
            lower = lower + np.log1p(-share)
            return np.asarray(length * (u0 * upper - u1 * lower) / (u0 - u1))

        middle = np.log((u0 - np.sqrt(u0 * u1)) / (np.sqrt(u0 * u1) - u1))
        shift = position(np.asarray(middle))
        low, high = np.full_like(x, -36.0), np.full_like(x, 36.0)
        for _ in range(80):
            center = 0.5 * (low + high)
            before = position(center) - shift < x
            low, high = np.where(before, center, low), np.where(before, high, center)
        u = u0 - (u0 - u1) / (1 + np.exp(-0.5 * (low + high)))
        return self._state(u)

    def _state(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        g = self.gamma
        density = np.asarray(self.mach / u)
        enthalpy = 1 / (g - 1) + 0.5 * self.mach**2
        return density, u, np.asarray(density * (g - 1) / g * (enthalpy - 0.5 * u**2))
