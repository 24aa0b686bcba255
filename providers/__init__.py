"""pygeoapi provider plugins: thin doors, OGC parameters in, an answer out.

Named in the configuration as `providers.EDR`, `providers.Coverage` and `providers.Feature`.
"""

from providers.coverage import Coverage
from providers.edr import EDR
from providers.feature import Feature

__all__ = ["EDR", "Coverage", "Feature"]
