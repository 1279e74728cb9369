import numpy as np

from pde_data.generation._coarsening import coarsened


def test_averages_of_a_finer_run_conserve_everything(random):
    density = random.uniform(1, 2, (2, 8, 8))
    velocity = random.normal(size=(2, 8, 8, 2))
    pressure = random.uniform(1, 2, (2, 8, 8))
    coarse = coarsened(density, velocity, pressure, 1.4, 2)

    def totals(rho, u, p):
        energy = p / 0.4 + 0.5 * rho * np.sum(u**2, axis=-1)
        return rho.mean(), (rho[..., None] * u).mean(), energy.mean()

    np.testing.assert_allclose(totals(*coarse), totals(density, velocity, pressure))
    assert coarse[1].shape == (2, 4, 4, 2)
