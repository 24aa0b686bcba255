"""Where the parameters of a file lie: its coordinates as horizontals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from pyproj import CRS

from poles.cf import units_of, words
from poles.crs import LONLAT, in_degrees
from poles.errors import Unreadable
from poles.grids import fields
from poles.grids.canonical import ANGLES, LENGTHS, AxisValues, half_cell, scale_of
from poles.grids.coordinates import Coordinate, File
from poles.grids.curvilinear import Curvilinear
from poles.grids.horizontal import Rectilinear
from poles.grids.line import line
from poles.grids.mapping import RADII, crs_of, is_mapping, names_figure
from poles.grids.mesh import face_centres, face_corners
from poles.grids.scattered import Cells
from poles.stored import Stored

Horizontal = Rectilinear | Curvilinear | Cells


_CLOSE = 0.01
"""Cells within which a projection is that of the fields."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The horizontal of an array, and how its stored dimensions become canonical ones."""

    horizontal: Horizontal
    dims: tuple[str, ...]
    """Stored dimensions in canonical order: rows and columns, or cells."""
    flips: tuple[bool, ...]
    used: frozenset[str]
    """Keys of the coordinates."""
    mended: tuple[str, ...] = ()


@dataclass(eq=False)
class Placing:
    """Finds the horizontal of each array of a file; those that share coordinates share it. `crs` wins over the file."""

    file: File
    crs: CRS | None = None
    _known: dict[tuple[object, ...], Placed] = field(default_factory=dict)
    _faces: dict[str, tuple[Coordinate, Coordinate] | None] = field(default_factory=dict)

    def of(self, stored: Stored) -> Placed | None:
        """Where an array lies; None where nothing places it. Raises Unreadable where that cannot be told rightly."""
        sheared = self._sheared(stored)
        if sheared is not None:
            return sheared
        pair, kind = self._lonlat(stored)
        if pair is not None and kind == "axes":
            return self._noted(self._truly(pair, stored), stored)
        flat = self._flat(stored)
        if flat is not None:
            crs, mapping = self._projection(stored, flat)
            if crs is not None:
                return self._projected(flat, crs, mapping, pair if kind == "field" else None)
            if pair is None:
                x, y = flat
                raise Unreadable(stored.key, f"{x.key} and {y.key} have no CRS", "give --crs")
        if pair is None:
            return None
        return self._field(pair, stored) if kind == "field" else self._cells(pair, stored)

    # --- which coordinates -----------------------------------------------------------------------------------

    def _lonlat(self, stored: Stored) -> tuple[tuple[Coordinate, Coordinate] | None, str]:
        """The longitude and latitude of an array: `axes` of two dimensions, a `field` over both, or `cells` of one."""
        meshed = self._of_mesh(stored)
        if meshed is not None:
            return meshed, "cells"
        pairs = [
            (tuple(a + b for a, b in zip(r, s, strict=True)), lon, lat, kind)
            for r, lon in self.file.of(stored, "lon")
            for s, lat in self.file.of(stored, "lat")
            if (kind := self._kind(stored, lon, lat)) is not None
        ]
        if not pairs:
            return None, ""
        best = min(rank for rank, *_ in pairs)
        first = [(lon, lat, kind) for rank, lon, lat, kind in pairs if rank == best]
        lon, lat, kind = first[0]
        if len(first) > 1:
            said = " or ".join(f"{a.key}, {b.key}" for a, b, _ in first[:3])
            raise Unreadable(stored.key, f"lies at {said}", "name one pair in its attribute coordinates")
        return (lon, lat), kind

    def _kind(self, stored: Stored, lon: Coordinate, lat: Coordinate) -> Literal["axes", "field", "cells"] | None:
        x, y = self._own(stored, lon), self._own(stored, lat)
        if any(self.file.is_time(d) for d in (*x, *y)):
            return None
        if len(x) == len(y) == 1 and x != y:
            return "axes"
        if set(x) != set(y):
            return None
        if len(x) == 2:
            return "field"
        return "cells" if len(x) == 1 and self._is_mesh(stored, lon, x[0]) else None

    def _own(self, stored: Stored, c: Coordinate) -> tuple[str, ...]:
        """The dimensions along which a coordinate places an array: those longer than one, and its axis if that is one.

        A field that is repeated at every time (WRF) lies where it lies at the first.
        """
        dims = c.dims
        if not dims:
            return c.stored.dims if len(c.stored.dims) == 1 and c.stored.dims[0] in stored.dims else ()
        return tuple(d for d in dims if not self.file.counts_time(d)) if len(dims) == 3 else dims

    def _is_mesh(self, stored: Stored, lon: Coordinate, dim: str) -> bool:
        """Whether the points along one dimension are cells, not samples: a mesh, or times along another dimension."""
        if words(stored.attrs, "mesh") or words(stored.attrs, "CDI_grid_type") == "unstructured":
            return True
        times = {d for other in self.file.arrays.values() if dim in other.dims for d in other.dims}
        return any(self.file.counts_time(d) and d not in lon.stored.dims for d in times)

    def _of_mesh(self, stored: Stored) -> tuple[Coordinate, Coordinate] | None:
        """The coordinates that a UGRID topology gives for the location of an array."""
        topology = self.file.named(words(stored.attrs, "mesh"), stored.key)
        if topology is None:
            return None
        listed = words(topology.attrs, f"{words(stored.attrs, 'location') or 'face'}_coordinates").split()
        found = [
            self.file.coordinates.get(s.key) for n in listed if (s := self.file.named(n, topology.key)) is not None
        ]
        lon, lat = (next((c for c in found if c is not None and c.role == role), None) for role in ("lon", "lat"))
        if lon is None or lat is None:
            return self._of_faces(topology, stored)
        return (lon, lat) if set(lon.dims) <= set(stored.dims) else None

    def _of_faces(self, topology: Stored, stored: Stored) -> tuple[Coordinate, Coordinate] | None:
        """The middle of faces whose coordinates the topology does not give."""
        key = topology.key
        if key not in self._faces:
            centres = face_centres(self.file, topology, stored)
            self._faces[key] = (
                None if centres is None else (Coordinate(centres[0], "lon"), Coordinate(centres[1], "lat"))
            )
        found = self._faces[key]
        return found if found is not None and set(found[0].dims) <= set(stored.dims) else None

    def _flat(self, stored: Stored) -> tuple[Coordinate, Coordinate] | None:
        """The projected or rotated axes of an array."""
        found: list[Coordinate] = []
        for wanted in ("x", "y"):
            options = [c for _, c in self.file.of(stored, wanted) if len(c.stored.dims) == 1]
            options = [c for c in options if c.stored.dims[0] in stored.dims and self._is_flat(c, stored)]
            if not options:
                return None
            found.append(options[0])
        x, y = found
        return None if x.stored.dims == y.stored.dims else (x, y)

    def _is_flat(self, c: Coordinate, stored: Stored) -> bool:
        """Whether an axis counts something that a CRS knows: row and column numbers do not."""
        standard, unit = words(c.stored.attrs, "standard_name").lower(), units_of(c.stored.attrs).lower()
        if standard.startswith(("projection_", "grid_l")) or unit in LENGTHS or unit in ANGLES:
            return True
        return unit == "" and c.stored.dtype.kind in "fiu" and (self.crs is not None or bool(self._mapping(stored, ())))

    # --- which CRS -------------------------------------------------------------------------------------------

    def _mapping(self, stored: Stored, names: Iterable[str]) -> Mapping[str, Any]:
        """The attributes of the grid mapping of an array: the one it names for these axes, else the file's only one."""
        said = words(stored.attrs, "grid_mapping")
        chosen = _extended(said, set(names)) if ":" in said else said
        found = self.file.named(chosen, stored.key)
        if found is not None and (is_mapping(found.attrs) or crs_of(found.attrs) is not None):
            return found.attrs
        if is_mapping(stored.attrs) or _names_crs(stored.attrs):
            return stored.attrs
        only = [s.attrs for s in self.file.arrays.values() if is_mapping(s.attrs)]
        if len(only) == 1:
            return only[0]
        whole = self.file.opened.attrs
        return whole if not only and (is_mapping(whole) or _names_crs(whole)) else {}

    def _geographic(self, stored: Stored) -> CRS:
        """The CRS of longitudes and latitudes: CRS84 unless the file names another datum of a registry."""
        if self.crs is not None:
            return self.crs
        found = crs_of(self._mapping(stored, ())) if self._mapping(stored, ()) else None
        return found if found is not None and found.is_geographic and not found.is_derived else LONLAT

    def _noted(self, placed: Placed, stored: Stored) -> Placed:
        """Says where an array names a grid mapping that is not there."""
        said = words(stored.attrs, "grid_mapping")
        if not said or self.crs is not None or self._mapping(stored, ()):
            return placed
        return replace(placed, mended=(*placed.mended, f"{said}: the grid mapping is missing; read as CRS84"))

    def _projection(self, stored: Stored, flat: tuple[Coordinate, Coordinate]) -> tuple[CRS | None, Mapping[str, Any]]:
        mapping = self._mapping(stored, [c.stored.name for c in flat])
        crs = self.crs or (crs_of(mapping) if mapping else None)
        if crs is None or self.crs is not None:
            return crs, mapping
        lengths = any(units_of(c.stored.attrs).lower() in LENGTHS for c in flat)
        angles = any(units_of(c.stored.attrs).lower() in ANGLES for c in flat)
        fits = (
            not lengths if in_degrees(crs) else not angles or "geostationary" in str(mapping.get("grid_mapping_name"))
        )
        return (crs if fits else None), mapping

    # --- rows and columns ------------------------------------------------------------------------------------

    def _sheared(self, stored: Stored) -> Placed | None:
        """Rows and columns of a raster whose affine turns or shears them."""
        mapping = self._mapping(stored, ())
        affine = mapping.get("affine")
        if affine is None or len(stored.dims) < 2 or stored.dims[-2:] != ("y", "x"):
            return None
        crs = self.crs or crs_of(mapping)
        if crs is None:
            raise Unreadable(stored.key, "the raster has no CRS", "give --crs")
        key = ("sheared", stored.shape[-2:])
        if key not in self._known:
            rows, columns = (line(np.arange(n) + 0.5, lone=0.5) for n in stored.shape[-2:])
            a, b, c, d, e, f = (float(v) for v in affine)
            horizontal = Rectilinear(crs, columns, rows, (a, b, c, d, e, f))
            self._known[key] = Placed(horizontal, stored.dims[-2:], (False, False), frozenset())
        return self._known[key]

    def _rows_and_columns(
        self, pair: tuple[Coordinate, Coordinate], crs: CRS, scale: tuple[float, float] = (1.0, 1.0)
    ) -> Placed:
        x, y = pair
        key = ("axes", x.key, y.key, id(crs))
        if key not in self._known:
            turning = in_degrees(crs)
            across = AxisValues.of(self.file, x.stored, scale[0], turning)
            down = AxisValues.of(self.file, y.stored, scale[1], False)
            if turning:
                _checked_latitudes(y.key, down)
            columns = line(across.values, across.bounds, turning=turning, slack=across.slack, lone=half_cell(down))
            rows = line(down.values, down.bounds, polar=turning, slack=down.slack, lone=half_cell(across))
            dims = (*self._dim(y), *self._dim(x))
            horizontal = Rectilinear(crs, columns, rows)
            used, notes = frozenset({x.key, y.key}), (*across.notes, *down.notes)
            self._known[key] = Placed(horizontal, dims, (down.flip, across.flip), used, notes)
        return self._known[key]

    def _dim(self, c: Coordinate) -> tuple[str, ...]:
        return c.dims or c.stored.dims

    def _truly(self, pair: tuple[Coordinate, Coordinate], stored: Stored) -> Placed:
        """Rows and columns, unless the array names fields that lie elsewhere: then its axes are nominal (MOM)."""
        placed = self._rows_and_columns(pair, self._geographic(stored))
        listed = [self.file.coordinates.get(s.key) for s in self.file.listed(stored)]
        fields = {c.role: c for c in listed if c is not None and set(c.dims) == set(placed.dims)}
        lon, lat = fields.get("lon"), fields.get("lat")
        return (
            placed if lon is None or lat is None or self.crs is not None else self._agreeing(placed, (lon, lat), pair)
        )

    def _projected(
        self, flat: tuple[Coordinate, Coordinate], crs: CRS, mapping: Mapping[str, Any], pair: Any
    ) -> Placed:
        scale = scale_of(flat[0].stored, crs, mapping), scale_of(flat[1].stored, crs, mapping)
        placed = self._rows_and_columns(flat, crs, scale)
        if pair is None or self.crs is not None:
            return placed
        return self._agreeing(self._on_figure(placed, flat, mapping, pair), pair, None)

    def _on_figure(
        self, placed: Placed, flat: tuple[Coordinate, Coordinate], mapping: Mapping[str, Any], pair: Any
    ) -> Placed:
        """On the sphere that leads best to the fields, where the mapping names no figure of the Earth."""
        lon, lat = pair
        key = ("figure", id(placed), lon.key, lat.key)
        if names_figure(mapping) or set(lon.dims) != set(placed.dims):
            return placed
        if key not in self._known:
            options = [placed]
            for radius in RADII if _away(placed, pair) > _CLOSE else ():
                crs = crs_of({**mapping, "earth_radius": radius})
                if crs is not None:
                    scale = scale_of(flat[0].stored, crs, mapping), scale_of(flat[1].stored, crs, mapping)
                    why = f"the grid mapping names no figure of the Earth; a sphere of {radius:.0f} m fits {lon.key}"
                    found = self._rows_and_columns(flat, crs, scale)
                    options.append(replace(found, mended=(*found.mended, why)))
            self._known[key] = min(options, key=lambda option: _away(option, pair))
        return self._known[key]

    def _agreeing(
        self, placed: Placed, pair: tuple[Coordinate, Coordinate], axes: tuple[Coordinate, Coordinate] | None
    ) -> Placed:
        """Rows and columns where they lead to the fields, else the fields; `axes`: they are of degrees themselves."""
        lon, lat = pair
        key = ("agrees", id(placed), lon.key, lat.key)
        if key not in self._known:
            used = placed.used | {lon.key, lat.key}
            within = 0.5 if axes is None else 0.02
            if set(lon.dims) != set(placed.dims) or _away(placed, pair) <= within:
                self._known[key] = replace(placed, used=used)
            else:
                what = "the grid mapping does" if axes is None else f"{axes[0].key} and {axes[1].key} do"
                why = f"{what} not lead to {lon.key} and {lat.key}, which are used"
                self._known[key] = replace(self._field(pair, None), used=used, mended=(why,))
        return self._known[key]

    # --- cells -----------------------------------------------------------------------------------------------

    def _field(self, pair: tuple[Coordinate, Coordinate], stored: Stored | None) -> Placed:
        """A horizontal of 2-D coordinates."""
        lon, lat = pair
        key = ("field", lon.key, lat.key)
        if key not in self._known:
            dims = fields.ordered(
                tuple(d for d in lon.dims if not (len(lon.dims) == 3 and self.file.counts_time(d))), stored
            )
            for c in pair:
                if len(c.dims) == 3 and fields.moves(c.stored):
                    raise Unreadable(c.key, "the cells move with time", "give each time its own file")
            shape = tuple(lon.stored.shape[lon.stored.dims.index(d)] for d in dims)
            horizontal = Curvilinear(
                shape,
                partial(fields.loaded, lon.stored, lat.stored, dims),
                self._corners(lon.stored, lat.stored, dims),
                partial(fields.probed, lon.stored, lat.stored),
            )
            fields.known_somewhere(horizontal, lon.stored)
            self._known[key] = Placed(horizontal, dims, (False, False), frozenset({lon.key, lat.key}))
        return self._known[key]

    def _cells(self, pair: tuple[Coordinate, Coordinate], stored: Stored) -> Placed:
        lon, lat = pair
        key = ("cells", lon.key, lat.key)
        if key not in self._known:
            dims = lon.dims or lon.stored.dims
            topology = self.file.named(words(stored.attrs, "mesh"), stored.key)
            faces = None if topology is None else face_corners(self.file, topology, stored)
            horizontal = Cells(
                (lon.stored.shape[lon.stored.dims.index(dims[0])],),
                partial(fields.loaded, lon.stored, lat.stored, dims),
                faces or self._corners(lon.stored, lat.stored, dims),
                partial(fields.probed, lon.stored, lat.stored),
            )
            fields.known_somewhere(horizontal, lon.stored)
            self._known[key] = Placed(horizontal, dims, (False,), frozenset({lon.key, lat.key}))
        return self._known[key]

    def _corners(self, lon: Stored, lat: Stored, dims: tuple[str, ...]) -> Any:
        """What reads the corners of cells, where both coordinates have bounds of the right shape."""
        x, y = self.file.bounds_of(lon), self.file.bounds_of(lat)
        if x is None or y is None or x.shape != y.shape or len(x.dims) != len(lon.dims) + 1 or x.shape[-1] < 3:
            return None
        if x.dims[:-1] != lon.dims or int(np.prod(x.shape)) > 16_000_000:
            return None
        return partial(fields.loaded_corners, (lon, x), (lat, y), dims)


def _away(placed: Placed, pair: tuple[Coordinate, Coordinate]) -> float:
    """How far rows and columns lead from fields of the same dimensions, in cells."""
    assert isinstance(placed.horizontal, Rectilinear)
    lon, lat = pair
    return fields.away(placed.horizontal, placed.dims, placed.flips, lon.stored, lat.stored)


def _names_crs(attrs: Mapping[str, Any]) -> bool:
    """Whether an attribute `crs` or `srs` is a CRS, as rasterio and xarray write it."""
    said = {n: v for n in ("crs", "srs") if isinstance(v := attrs.get(n), str)}
    return bool(said) and crs_of(said) is not None


def _checked_latitudes(key: str, down: AxisValues) -> None:
    """Raises Unreadable where a row lies beyond a pole, by more than half a cell."""
    furthest = float(np.abs(down.values).max())
    if furthest > 90 + half_cell(down):
        raise Unreadable(key, f"latitude {furthest:g} is beyond a pole", "mend the axis, or give the CRS (--crs)")


def _extended(said: str, names: set[str]) -> str:
    """The mapping that CF's long form names for some axes: `crs: x y other: lat lon`."""
    chosen, first = "", ""
    for word in said.split():
        if word.endswith(":"):
            chosen = word[:-1]
            first = first or chosen
        elif word in names:
            return chosen
    return first
