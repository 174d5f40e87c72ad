import numpy as np
import pytest
from scipy import stats

from engine.sampling.beta import beta_cdf, beta_quantiles

SHAPES = [(0.6, 0.6), (0.01, 0.5), (1.0, 1.0), (5.0, 2.0), (50.0, 0.6), (50.0, 50.0)]


@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_quantiles_are_scipys(a: float, b: float) -> None:
    shares = np.linspace(0, 1, 41)
    np.testing.assert_allclose(beta_quantiles(shares, a, b), stats.beta.ppf(shares, a, b), atol=1e-9)


@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_the_distribution_is_scipys(a: float, b: float) -> None:
    x = np.linspace(0, 1, 41)
    np.testing.assert_allclose(beta_cdf(x, a, b), stats.beta.cdf(x, a, b), atol=1e-9)
