"""One block of the configuration, read strictly: a `Dataset`, or the reason why it is none."""

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from poles.catalogue.documents import BlockError
from poles.dataset import BBox, Category, Contact, Dataset, Described, Facts, Kind, Limits, Pole, Text
from poles.units import ucum

PROVIDERS = {"edr": "providers.EDR", "coverage": "providers.Coverage", "feature": "providers.Feature"}
"""Our doors, by the type that pygeoapi knows them under."""
SERVED: dict[Kind, tuple[str, ...]] = {
    "grid": ("edr", "coverage"),
    "observations": ("edr", "feature"),
    "features": ("feature",),
}
"""The APIs that each kind of data can answer."""
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


# --- texts ---------------------------------------------------------------------------------------------------------


def _text(value: Any) -> Any:
    """A plain string serves both languages."""
    return {"en": value, "fr": value} if isinstance(value, str) else value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Text(BaseModel):
    """Further languages are let through: pygeoapi serves them."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)
    en: Annotated[str, Field(min_length=1)]
    fr: Annotated[str, Field(min_length=1)]

    def text(self) -> Text:
        return Text(self.en, self.fr)


Bilingual = Annotated[_Text, BeforeValidator(_text)]


def _number_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Label = Annotated[str, BeforeValidator(_number_as_text)]
"""A text that YAML may take for a number: version 2.1, level 4."""


class _Keywords(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)
    en: list[Label]
    fr: list[Label]

    def texts(self) -> tuple[Text, ...]:
        """Pairs in order; where one language says more, its word serves both."""
        longest = max(len(self.en), len(self.fr))
        pairs = ((self.en[i : i + 1], self.fr[i : i + 1]) for i in range(longest))
        return tuple(Text(*(e or f), *(f or e)) for e, f in pairs)


def _keywords(value: Any) -> Any:
    return {"en": value, "fr": value} if isinstance(value, list) else value


# --- the key `poles` -----------------------------------------------------------------------------------------------


def _code(value: Any) -> Any:
    """32631 and "EPSG:32631" are the same."""
    return f"EPSG:{value}" if isinstance(value, int) and not isinstance(value, bool) else value


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    """`{0: water, 1: land}` says the same as a list of values and labels."""
    return [{"value": v, "label": label} for v, label in value.items()] if isinstance(value, dict) else value


class _Category(_Strict):
    value: int
    label: Bilingual


class _Parameter(_Strict):
    label: Bilingual | None = None
    unit: Label | None = None
    property: str | None = None
    standard_name: str | None = None
    description: Bilingual | None = None
    categories: Annotated[list[_Category], BeforeValidator(_listed)] = []
    dtype: Literal["float", "integer", "string", "datetime", "boolean"] | None = None
    cell_methods: str | None = None

    def described(self, key: str, told: Described | None) -> Described:
        """What the block says, over what the file tells."""
        base = told or Described(key, Text(key, key))
        given = {name: getattr(self, name) for name in self.model_fields_set & {"property", "standard_name", "dtype",
                 "cell_methods"}}  # fmt: skip
        if self.label is not None:
            given["label"] = self.label.text()
        if self.description is not None:
            given["description"] = self.description.text()
        if self.unit is not None:
            given["unit"] = ucum(self.unit) or self.unit
        if self.categories:
            given["categories"] = tuple(Category(c.value, c.label.text()) for c in self.categories)
        return replace(base, **given)


def database(url: str) -> str:
    """The URL of a PostgreSQL database. Raises ValueError."""
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("it is no URL of PostgreSQL, as postgresql://host/database")
    return url


class _Contact(_Strict):
    name: Annotated[str, Field(min_length=1)]
    role: str = "pointOfContact"
    email: str | None = None
    organisation: str | None = None
    url: str | None = None


class LimitsGiven(_Strict):
    """Bounds of one answer, of the server or of one collection."""

    values: Annotated[int, Field(gt=0)] | None = None
    items: Annotated[int, Field(gt=0)] | None = None
    items_max: Annotated[int, Field(gt=0)] | None = None
    counts: Literal["exact", "estimated", "none"] | None = None

    def over(self, limits: Limits) -> Limits:
        """Those given here, else the others."""
        return replace(limits, **self.model_dump(exclude_none=True))


class _Poles(_Strict):
    source: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_several), Field(min_length=1)]
    pole: Pole | None = None
    kind: Kind | None = None
    parameters: dict[Label, _Parameter | None] = {}
    crs: Annotated[str, BeforeValidator(_code)] | None = None
    store: Annotated[str, AfterValidator(database)] | None = None
    time_pattern: str | None = None
    names: dict[str, str] = {}
    version: Label | None = None
    processing_level: Label | None = None
    licence: str | None = None
    access_rights: str | None = None
    doi: str | None = None
    citation: str | None = None
    contacts: list[_Contact] = []
    lineage: Bilingual | None = None
    update_frequency: str | None = None
    quality: str | None = None
    limits: LimitsGiven = LimitsGiven()


# --- what pygeoapi asks of every collection ------------------------------------------------------------------------


def _moment(value: Any) -> str | None:
    """RFC 3339 in UTC, of a YAML timestamp or date, or of a text in the data's own calendar."""
    match value:
        case None:
            return None
        case datetime():
            fraction = "milliseconds" if value.microsecond else "seconds"
            return utc(value).isoformat(timespec=fraction).replace("+00:00", "Z")
        case date():
            return f"{value.isoformat()}T00:00:00Z"
        case str() if re.match(r"-?\d{4,}-\d{2}-\d{2}", value):
            return value
    raise ValueError(f"{value!r} is no time")


def utc(value: datetime) -> datetime:
    """In UTC; without a zone it is taken to be."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Time = Annotated[str | None, BeforeValidator(_moment)]


class _Temporal(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    begin: Time = None
    end: Time = None


def _box(value: list[float]) -> list[float]:
    if len(value) not in (4, 6):
        raise ValueError(f"{len(value)} numbers")
    west_east = value[0], value[len(value) // 2]
    south, north = value[1], value[len(value) // 2 + 1]
    if not (-90 <= south <= north <= 90 and all(-180 <= v <= 360 for v in west_east)):
        raise ValueError(f"{value} is no box in degrees")
    return value


class _Spatial(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    bbox: Annotated[list[float], AfterValidator(_box)]

    def west_south_east_north(self) -> BBox:
        half = len(self.bbox) // 2
        return self.bbox[0], self.bbox[1], self.bbox[half], self.bbox[half + 1]


class _Extents(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    spatial: _Spatial
    temporal: _Temporal | None = None


class _Provider(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    type: Literal["edr", "coverage", "feature"]
    name: str
    data: str
    format: dict[str, str] | None = None


class _Block(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)
    type: Literal["collection"]
    title: Bilingual
    description: Bilingual
    keywords: Annotated[_Keywords, BeforeValidator(_keywords)]
    extents: _Extents
    poles: _Poles
    providers: Annotated[list[_Provider], Field(min_length=1)]


# --- reading -------------------------------------------------------------------------------------------------------


def entry(identifier: str, block: Any, folder: str, limits: Limits) -> Dataset:
    """The data set of a block, as far as the block tells. Paths are taken from `folder`. Raises `BlockError`."""
    if not IDENTIFIER.fullmatch(identifier):
        raise BlockError("id", f"'{identifier}' is no id", "use letters, digits, '-', '_' and '.'")
    try:
        read = _Block.model_validate(block)
    except ValidationError as error:
        raise _sentence(error, block) from error
    _doors_fit(identifier, read)
    own, temporal = read.poles, read.extents.temporal
    return Dataset(
        id=identifier,
        title=read.title.text(),
        description=read.description.text(),
        keywords=read.keywords.texts(),
        pole=own.pole,
        source=tuple(absolute(s, folder) for s in own.source),
        kind=own.kind,
        apis=tuple(p.type for p in read.providers),
        parameters=tuple((p or _Parameter()).described(k, None) for k, p in own.parameters.items()),
        bbox=read.extents.spatial.west_south_east_north(),
        interval=None if temporal is None else (temporal.begin, temporal.end),
        crs=own.crs,
        store=own.store,
        time_pattern=own.time_pattern,
        version=own.version,
        processing_level=own.processing_level,
        licence=own.licence,
        access_rights=own.access_rights,
        doi=own.doi,
        citation=own.citation,
        contacts=tuple(Contact(**c.model_dump()) for c in own.contacts),
        lineage=None if own.lineage is None else own.lineage.text(),
        update_frequency=own.update_frequency,
        quality=own.quality,
        limits=own.limits.over(limits),
        names=tuple(own.names.items()),
    )


def merged(dataset: Dataset, block: Mapping[str, Any], facts: Facts) -> Dataset:
    """What the data tell, under what the block says. A parameter that the data do not have is not offered."""
    said: Mapping[str, Any] = block["poles"].get("parameters") or {}
    parameters = tuple(
        _Parameter.model_validate(said.get(told.key) or {}).described(told.key, told) for told in facts.parameters
    )
    return replace(dataset, facts=facts, parameters=parameters, interval=_interval(dataset.interval, facts.interval))


def absolute(source: str, folder: str) -> str:
    """A path or pattern from the root; a URL as it is."""
    return source if "://" in source else os.path.normpath(os.path.join(folder, source))


_Interval = tuple[str | None, str | None] | None


def _interval(said: _Interval, told: _Interval) -> _Interval:
    """An end that the block leaves open is that of the data."""
    if said is None or told is None:
        return said or told
    return said[0] or told[0], said[1] or told[1]


def _doors_fit(identifier: str, block: _Block) -> None:
    """Every provider is one of ours, for this data set, and can answer this kind of data."""
    for at, provider in enumerate(block.providers):
        key, door, kind = f"providers.{at}", PROVIDERS[provider.type], block.poles.kind
        if provider.name != door:
            raise BlockError(f"{key}.name", f"{provider.name} is no door for {provider.type}", f"give {door}")
        if provider.data != identifier:
            raise BlockError(f"{key}.data", f"{provider.data} is another data set", f"give {identifier}")
        if kind is not None and provider.type not in SERVED[kind]:
            raise BlockError(f"{key}.type", f"{provider.type} cannot serve {kind}", f"give {' or '.join(SERVED[kind])}")
        if provider.type == "coverage" and not {"name", "mimetype"} <= (provider.format or {}).keys():
            remedy = "give {name: NetCDF, mimetype: application/x-netcdf}"
            raise BlockError(f"{key}.format", "lacks name and mimetype", remedy)
    types = [p.type for p in block.providers]
    if len(set(types)) < len(types):
        raise BlockError("providers", "a type is given twice", "give each type once")


def _sentence(error: ValidationError, block: Any) -> BlockError:
    """The first fault that pydantic found, as `key: found; remedy`."""
    fault = error.errors(include_url=False)[0]
    key = _key(fault["loc"])
    match fault["type"]:
        case "missing":
            return BlockError(key, "missing", "give it")
        case "extra_forbidden":
            return BlockError(key, "unknown key", _nearest(fault["loc"], error))
        case "literal_error":
            expected = fault["ctx"]["expected"].replace("'", "")
            return BlockError(key, f"{fault['input']!r} is none of them", f"give {expected}")
        case "model_type" | "model_attributes_type" | "dict_type" if not isinstance(block, Mapping):
            return BlockError("block", "is no mapping", "give type, title, description, keywords, extents, providers")
        case "value_error":
            return BlockError(key, str(fault["ctx"]["error"]), _value_remedy(key))
    return BlockError(key, f"{_short(fault['input'])}: {_lower(fault['msg'])}", "mend the value")


def _key(place: Sequence[int | str]) -> str:
    return ".".join(str(p) for p in place) or "block"


def _value_remedy(key: str) -> str:
    if key.endswith("bbox"):
        return "give west, south, east, north in degrees"
    return "give a YAML timestamp such as 2020-01-01T00:00:00Z, or null"


_FORBIDDING: dict[str, type[BaseModel]] = {
    "parameters": _Parameter, "contacts": _Contact, "categories": _Category, "limits": LimitsGiven, "poles": _Poles,
}  # fmt: skip


def _nearest(place: Sequence[int | str], error: ValidationError) -> str:
    """The key that was probably meant, or all there are."""
    holder = next((_FORBIDDING[str(p)] for p in reversed(place[:-1]) if str(p) in _FORBIDDING), LimitsGiven)
    names = list(holder.model_fields)
    near = difflib.get_close_matches(str(place[-1]), names, 1)
    return f"did you mean {near[0]}?" if near else f"remove it, or use one of {', '.join(names)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
