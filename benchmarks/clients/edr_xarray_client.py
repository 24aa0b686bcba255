"""edr-xarray: a collection as an xarray data set, on Python 3.12."""

import json
import sys
from importlib.metadata import version

import xarray as xr

air = xr.open_dataset(f"{sys.argv[1]}/collections/aeris-ncep-air-temperature", engine="edr")["air"]
print(air.dims, air.shape, file=sys.stderr)
at = air.sel(x=-90.0, y=40.0)
series = at.values.ravel()
cube = air.isel(t=-1).sel(x=slice(-100, -80), y=slice(30, 45)).values
found = {"value": float(series[0]), "times": len(series), "series": float(series.mean()), "cube": float(cube.mean())}
print(json.dumps({"version": version("edr-xarray"), "found": found}))
