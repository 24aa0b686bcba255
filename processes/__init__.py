"""OGC processes, one file each: a pydantic `Inputs`, and a pure `compute` over the data sets.

Named in the configuration as `processes.ExtractSubset`.
"""

from processes.extract_subset import ExtractSubset

__all__ = ["ExtractSubset"]
