"""Meshes of UGRID: the corners of faces from their nodes."""

from collections.abc import Callable
from functools import cache, partial

import numpy as np

from poles.cf import words
from poles.grids.coordinates import File
from poles.grids.scattered import on_sphere
from poles.physical import numbers
from poles.stored import Array, Slices, Stored

Corners = Callable[[], tuple[Array, Array]]


def face_corners(file: File, topology: Stored, stored: Stored) -> Corners | None:
    """What reads the corners of the faces of a mesh; None for arrays that lie at nodes or edges, or without nodes."""
    if words(stored.attrs, "location") not in ("face", ""):
        return None
    nodes = [file.named(n, topology.key) for n in words(topology.attrs, "node_coordinates").split()]
    faces = file.named(words(topology.attrs, "face_node_connectivity"), topology.key)
    known = {c.role: c.stored for n in nodes if n is not None and (c := file.coordinates.get(n.key)) is not None}
    lon, lat = known.get("lon"), known.get("lat")
    if faces is None or lon is None or lat is None or len(faces.dims) != 2:
        return None
    return partial(_read, lon, lat, faces, faces.dims[0] not in stored.dims)


def face_centres(file: File, topology: Stored, stored: Stored) -> tuple[Stored, Stored] | None:
    """Longitudes and latitudes of the faces of a mesh that gives none: the middle of their corners on the sphere."""
    corners = face_corners(file, topology, stored)
    faces = file.named(words(topology.attrs, "face_node_connectivity"), topology.key)
    if corners is None or faces is None:
        return None
    at = next((i for i, d in enumerate(faces.dims) if d in stored.dims), None)
    if at is None:
        return None
    centres = cache(partial(_centres, corners))
    lon, lat = (
        Stored(
            f"{topology.key}_face_{name}", (faces.dims[at],), (faces.shape[at],), np.dtype(np.float64),
            {"units": units}, partial(_part, centres, i),
        )
        for i, (name, units) in enumerate((("lon", "degrees_east"), ("lat", "degrees_north")))
    )  # fmt: skip
    return lon, lat


def _part(centres: Corners, which: int, slices: Slices) -> Array:
    return centres()[which][slices]


def _centres(corners: Corners) -> tuple[Array, Array]:
    x, y = corners()
    middle = np.nansum(on_sphere(x, y), axis=1)
    known = np.isfinite(x).any(axis=1) & np.isfinite(y).any(axis=1)
    lon = np.degrees(np.arctan2(middle[:, 1], middle[:, 0]))
    lat = np.degrees(np.arctan2(middle[:, 2], np.hypot(middle[:, 0], middle[:, 1])))
    return np.where(known, lon, np.nan), np.where(known, lat, np.nan)


def _read(lon: Stored, lat: Stored, faces: Stored, turned: bool) -> tuple[Array, Array]:
    """Longitudes and latitudes, (faces, corners), NaN where a face has fewer."""
    index = numbers(faces)
    index = (index.T if turned else index) - float(np.ravel(faces.attrs.get("start_index", 0))[0])
    x, y = numbers(lon), numbers(lat)
    there = np.isfinite(index) & (index >= 0) & (index < len(x))
    whole = np.where(there, index, 0).astype(int)
    return np.where(there, x[whole], np.nan), np.where(there, y[whole], np.nan)
