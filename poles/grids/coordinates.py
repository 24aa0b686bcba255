"""The coordinates of a file: which array a name means, what lies along a dimension, where a parameter finds its own."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from poles.cf import words
from poles.grids.mapping import is_mapping
from poles.roles import Role, role
from poles.stored import Opened, Stored
from poles.times import is_time

_BOUNDS = ("bounds", "climatology", "edges")


@dataclass(frozen=True, eq=False)
class Coordinate:
    """An array that places others, and what it is."""

    stored: Stored
    role: Role | None

    @property
    def key(self) -> str:
        return self.stored.key

    @property
    def dims(self) -> tuple[str, ...]:
        """Its dimensions longer than one: a leading `time` of one in front of a swath's latitudes is none."""
        return tuple(d for d, n in zip(self.stored.dims, self.stored.shape, strict=True) if n != 1)

    @property
    def names_dim(self) -> bool:
        """Whether it is the coordinate variable of its dimension: its namesake."""
        return len(self.stored.dims) == 1 and self.stored.key == self.stored.dims[0]


def group_of(key: str) -> str:
    """The path of the group that holds an array."""
    return key.rpartition("/")[0]


class File:
    """An opened source, looked at for coordinates. Names of roles given by hand win over every evidence."""

    def __init__(self, opened: Opened, names: Iterable[tuple[str, str]] = ()) -> None:
        self.opened = opened
        self.arrays = opened.arrays
        self._given: dict[str, Role] = {}
        for said, name in names:
            meant = {"longitude": "lon", "latitude": "lat", "time": "t"}.get(said.lower(), said.lower())
            if meant in ("lon", "lat", "x", "y", "z", "t"):
                self._given[name] = meant  # type: ignore[assignment]

    @cached_property
    def coordinates(self) -> dict[str, Coordinate]:
        """Everything that may place something, by key."""
        return {k: Coordinate(s, self._role(s)) for k, s in self.arrays.items() if k not in self.bounds}

    def _role(self, stored: Stored) -> Role | None:
        given = self._given.get(stored.key) or self._given.get(stored.name)
        if stored.dtype.kind == "O" or is_mapping(stored.attrs):
            return given
        found = self._meant(given, stored) if given in ("x", "y") else given or role(stored)
        return None if found == "t" and not (is_time(_unit(stored)) or stored.dtype.kind == "M") else found

    def _meant(self, given: Role, stored: Stored) -> Role:
        """What x and y given by hand are: coordinates of a projection where something says so, else degrees."""
        said = role(stored)
        if said in ("lon", "lat"):
            return said
        lengths = _unit(stored).lower() in ("m", "km", "metre", "metres", "meter", "meters")
        projected = lengths or said in ("x", "y") or any(is_mapping(s.attrs) for s in self.arrays.values())
        degrees: Role = "lon" if given == "x" else "lat"
        return given if projected else degrees

    @cached_property
    def bounds(self) -> set[str]:
        """Keys of arrays that are the bounds of others."""
        found = set()
        for stored in self.arrays.values():
            for name in _BOUNDS:
                other = self.named(words(stored.attrs, name), stored.key)
                if other is not None:
                    found.add(other.key)
        return found

    @cached_property
    def listed_anywhere(self) -> set[str]:
        """Keys of arrays that some array names among its coordinates."""
        return {c.key for s in self.arrays.values() for c in self.listed(s) if c.key != s.key}

    def named(self, name: str, of: str) -> Stored | None:
        """The array that an attribute of another one names: in its group, above it, else the only one of that name."""
        if not name:
            return None
        if name.startswith("/"):
            return self.arrays.get(name[1:])
        group = group_of(of)
        while True:
            found = self.arrays.get(f"{group}/{name}" if group else name)
            if found is not None:
                return found
            if not group:
                break
            group = group_of(group)
        elsewhere = [s for s in self.arrays.values() if s.name == name]
        return elsewhere[0] if len(elsewhere) == 1 else None

    def listed(self, stored: Stored) -> Iterator[Stored]:
        """The arrays that `coordinates` names, parted by blanks or commas."""
        for name in re.split(r"[\s,]+", words(stored.attrs, "coordinates")):
            found = self.named(name, stored.key)
            if found is not None:
                yield found

    def bounds_of(self, stored: Stored) -> Stored | None:
        """The array of the cells' bounds of a coordinate."""
        found = (self.named(words(stored.attrs, name), stored.key) for name in _BOUNDS)
        return next((b for b in found if b is not None and b.key != stored.key), None)

    def namesake(self, dim: str) -> Coordinate | None:
        """The coordinate variable of a dimension: it has its name."""
        found = self.coordinates.get(dim)
        return found if found is not None and found.names_dim else None

    def is_time(self, dim: str) -> bool:
        """Whether times run along a dimension by its coordinate variable."""
        found = self.namesake(dim)
        return found is not None and found.role == "t" and found.stored.shape[0] > 1

    def counts_time(self, dim: str) -> bool:
        """Whether a dimension is one of times, be they told by a calendar or not."""
        found = self.namesake(dim)
        name = dim.rpartition("/")[2].lower()
        return (found is not None and found.role == "t") or name in ("time", "time_counter", "t", "times", "record")

    def of(self, stored: Stored, wanted: Role) -> list[tuple[tuple[int, ...], Coordinate]]:
        """The coordinates of one role that fit the dimensions of an array, each with its rank: the lower, the better.

        A dimension's namesake comes before an auxiliary, that before one that is not listed; then the nearest group.
        """
        listed = {c.key for c in self.listed(stored)}
        found = [
            (self._rank(c, stored, listed), c)
            for c in self.coordinates.values()
            if c.role == wanted and c.key != stored.key and set(c.dims) <= set(stored.dims)
        ]
        return sorted(found, key=lambda pair: pair[0])

    def _rank(self, c: Coordinate, stored: Stored, listed: set[str]) -> tuple[int, ...]:
        usual = c.stored.name.lower() in ("lon", "lat", "longitude", "latitude", "time", "x", "y", "z")
        return (
            0 if c.names_dim and c.stored.dims[0] in stored.dims else 1,
            0 if c.key in listed else 1,
            _distance(group_of(stored.key), group_of(c.key)),
            0 if usual else 1,
        )


def _unit(stored: Stored) -> str:
    return words(stored.attrs, "units") or words(stored.attrs, "Units")


def _distance(group: str, other: str) -> int:
    """How far a group is from where an array looks: 0 its own, then those above, then all others."""
    if group == other:
        return 0
    parts, above = group.split("/"), other.split("/") if other else []
    if parts[: len(above)] == above:
        return len(parts) - len(above)
    return 100
