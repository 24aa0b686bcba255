"""Observations: station series, profiles and trajectories as rows; a sample is an item, a platform a location."""

from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from poles.coverage import Coverages, Table
from poles.dataset import BBox, Dataset, Described, Facts
from poles.query import Query
from poles.stored import Array, Opened

FeatureType = Literal[
    "point", "timeSeries", "trajectory", "profile", "timeSeriesProfile", "trajectoryProfile"
]  # fmt: skip


@dataclass(frozen=True)
class Observations:
    """All samples of a data set, sorted by platform, profile and time."""

    dataset: Dataset
    version: str
    feature_type: FeatureType
    t: Array
    """int64 milliseconds since 1970-01-01 UTC of each sample; `np.iinfo(int64).min` where there is none."""
    x: Array
    y: Array
    z: Array | None
    platform: Array
    """int32 index into `platforms` of each sample."""
    profile: Array
    """int32 number of the profile of each sample; all different where samples are no profiles."""
    values: pa.Table
    """One column a parameter, a row a sample."""
    platforms: pa.Table
    """`id`, `name`, `x`, `y` (null where it moves), `west` … `north`, `start`, `end`, `count`, and their attributes."""
    parameters: dict[str, Described]
    vertical: Any
    crs: str
    mended: tuple[str, ...] = ()


def feature_type(opened: Opened) -> FeatureType | None:
    """The discrete sampling geometry of an opened source, declared or evident; None where it is (also) a grid."""
    raise NotImplementedError


def observations(dataset: Dataset) -> Observations:
    """The observations of the data set, kept until its sources change. Raises Unreadable."""
    raise NotImplementedError


def facts(dataset: Dataset) -> Facts:
    """What metadata tell of the data set: feature type, extents, axes t and z, parameters, count of samples."""
    raise NotImplementedError


def select(observations: Observations, query: Query) -> Table:
    """`items`, `item` (a sample each) and `locations` (the list of platforms). An unknown single id raises NotFound."""
    raise NotImplementedError


def coverages(observations: Observations, query: Query) -> Coverages:
    """`position`, `area`, `cube` and `location`: a coverage a platform, profile or track. Unknown locations raise NotFound."""
    raise NotImplementedError
