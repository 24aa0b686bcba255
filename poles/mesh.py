"""Meshes of UGRID: the corners of faces from their nodes."""

from collections.abc import Callable
from functools import partial

import numpy as np

from poles.coordinates import File
from poles.physical import numbers
from poles.roles import text
from poles.stored import Array, Stored


def face_corners(file: File, topology: Stored, stored: Stored) -> Callable[[], tuple[Array, Array]] | None:
    """What reads the corners of the faces of a mesh; None for arrays that lie at nodes or edges, or without nodes."""
    if text(stored.attrs, "location") not in ("face", ""):
        return None
    nodes = [file.named(n, topology.key) for n in text(topology.attrs, "node_coordinates").split()]
    faces = file.named(text(topology.attrs, "face_node_connectivity"), topology.key)
    known = {c.role: c.stored for n in nodes if n is not None and (c := file.coordinates.get(n.key)) is not None}
    lon, lat = known.get("lon"), known.get("lat")
    if faces is None or lon is None or lat is None or len(faces.dims) != 2:
        return None
    return partial(_read, lon, lat, faces, faces.dims[0] not in stored.dims)


def _read(lon: Stored, lat: Stored, faces: Stored, turned: bool) -> tuple[Array, Array]:
    """Longitudes and latitudes, (faces, corners), NaN where a face has fewer."""
    index = numbers(faces)
    index = (index.T if turned else index) - float(np.ravel(faces.attrs.get("start_index", 0))[0])
    x, y = numbers(lon), numbers(lat)
    there = np.isfinite(index) & (index >= 0) & (index < len(x))
    whole = np.where(there, index, 0).astype(int)
    return np.where(there, x[whole], np.nan), np.where(there, y[whole], np.nan)
