"""What every process is to pygeoapi and to the web: described by its `Inputs`, run over the data sets."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ValidationError
from pygeoapi.process.base import BaseProcessor, ProcessorExecuteError

from poles.catalogue import read
from poles.coverage import Answer, Coverages
from poles.dataset import Dataset
from poles.encodings import Context, Kind, choose, misfit
from poles.errors import Invalid, PolesError
from poles.settings import settings

Document = dict[str, Any]
Datasets = Mapping[str, Dataset]


@dataclass(frozen=True, slots=True)
class Result:
    """The one output of a process: a file, written as it is read. `body` None: nothing is there."""

    output: str
    media_type: str
    filename: str
    body: Iterable[bytes] | None


class Process(BaseProcessor):  # type: ignore[misc]
    """A process: its description is made from `inputs`, its answer is computed by `computed`."""

    id: ClassVar[str]
    title: ClassVar[Mapping[str, str]]
    description: ClassVar[Mapping[str, str]]
    keywords: ClassVar[Mapping[str, list[str]]]
    version: ClassVar[str] = "1.0.0"
    inputs: ClassVar[type[BaseModel]]
    french: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Title and description of each input in French; their English stands in `inputs`."""
    example: ClassVar[Document] = {}
    """A request that works over the demonstration."""
    output: ClassVar[str] = "result"
    formats: ClassVar[Mapping[str, str]]
    """Names and media types of the formats of the result."""

    def __init__(self, processor_def: Document) -> None:
        super().__init__(processor_def, self.described())
        self.supports_outputs = True

    @classmethod
    def described(cls) -> Document:
        """The process description of OGC API Processes 1.0 (fresh: stock writes into it)."""
        return {
            "id": cls.id,
            "version": cls.version,
            "title": dict(cls.title),
            "description": dict(cls.description),
            "keywords": {k: list(v) for k, v in cls.keywords.items()},
            "jobControlOptions": ["sync-execute"],
            "outputTransmission": ["value"],
            "inputs": described_inputs(cls.inputs, cls.french),
            "outputs": {cls.output: described_output(cls.formats)},
            **({"example": deepcopy(cls.example)} if cls.example else {}),
        }

    def computed(self, inputs: Any, datasets: Datasets) -> Answer:
        """The answer for checked inputs: the pure function of the process."""
        raise NotImplementedError

    def run(self, inputs: Document, datasets: Datasets, language: str = "en") -> Result:
        """The result for inputs as they came in a request. Raises `Invalid`, naming the input."""
        checked: Any = validated(self.inputs, inputs)
        found = self.computed(checked, datasets)
        kind: Kind = "coverages" if isinstance(found, Coverages) else "table"
        default = "NetCDF" if kind == "coverages" else "GeoJSON"
        written_as = choose(checked.format, None, kind, default)
        if (fault := misfit(written_as, found)) is not None:
            raise Invalid("inputs.format", *fault)
        name = f"{found.dataset.id}-subset.{written_as.extension.lstrip('.')}"
        empty = isinstance(found, Coverages) and found.empty
        body = None if empty else written_as.write(found, Context(language=language))
        return Result(self.output, written_as.media_type, name, body)

    def execute(self, data: Document, outputs: Any = None) -> tuple[str, bytes]:
        """What stock pygeoapi calls: the data sets are those of the catalogue that the environment names."""
        try:
            result = self.run(data, read(settings().catalogue).datasets)
        except PolesError as error:
            raise ProcessorExecuteError(user_msg=error.public) from error
        return result.media_type, b"".join(result.body or ())


def validated(model: type[BaseModel], inputs: Document) -> BaseModel:
    """The inputs of a process, checked against their schema. Raises `Invalid`, naming the input and what would do."""
    try:
        return model.model_validate({name: value_of(name, value) for name, value in inputs.items()})
    except ValidationError as error:
        raise _refused(model, error) from error


def value_of(name: str, value: Any) -> Any:
    """An input value, taken out of its qualified form. A reference is not followed."""
    if isinstance(value, dict) and "href" in value and set(value) <= {"href", "type", "rel", "title", "hreflang"}:
        raise Invalid(f"inputs.{name}", "a reference", "give the value itself")
    if (
        isinstance(value, dict)
        and "value" in value
        and set(value) <= {"value", "mediaType", "encoding", "schema", "format"}
    ):
        return value["value"]
    return value


def _refused(model: type[BaseModel], error: ValidationError) -> Invalid:
    first = error.errors(include_url=False)[0]
    path = [str(p) for p in first["loc"]]
    name = path[0] if path else "inputs"
    found = "it is missing" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return Invalid(f"inputs.{name}", "not an input of this process", f"give of {', '.join(model.model_fields)}")
    field = model.model_fields.get(name)
    remedy = f"give {_inside(field.description)}" if field and field.description else "see the description"
    return Invalid(f"inputs.{name}" if path else name, found, remedy)


def _inside(sentence: str) -> str:
    """A description inside a sentence: its first word small, unless it is a name as `NetCDF`."""
    first = sentence.split(maxsplit=1)[0]
    return sentence if any(c.isupper() for c in first[1:]) else sentence[0].lower() + sentence[1:]


def described_inputs(model: type[BaseModel], french: Mapping[str, tuple[str, str]]) -> Document:
    """The inputs as OGC API Processes describes them, from the JSON schema of the model; texts in both languages."""
    schema = model.model_json_schema()
    required = schema.get("required", [])
    return {
        name: {
            "title": _both(prop.pop("title", name), french.get(name, ("", ""))[0]),
            "description": _both(prop.pop("description", ""), french.get(name, ("", ""))[1]),
            "schema": _plain(prop),
            "minOccurs": int(name in required),
            "maxOccurs": 1,
        }
        for name, prop in schema["properties"].items()
    }


def _both(english: str, french: str) -> str | dict[str, str]:
    return {"en": english, "fr": french} if french else english


def _plain(schema: Document) -> Document:
    """A schema without the `null` that pydantic allows for what may be left out."""
    options = [s for s in schema.get("anyOf", []) if s != {"type": "null"}]
    rest = {k: v for k, v in schema.items() if k not in ("anyOf", "default") or (k == "default" and v is not None)}
    if not options:
        return rest
    return {**rest, **options[0]} if len(options) == 1 else {**rest, "oneOf": options}


def described_output(formats: Mapping[str, str]) -> Document:
    """The one output, in any of its formats."""
    return {
        "title": {"en": "Result", "fr": "Résultat"},
        "description": {"en": "The file, in the format asked", "fr": "Le fichier, dans le format demandé"},
        "schema": {
            "oneOf": [
                {"type": "string", "contentMediaType": media_type}
                | (
                    {}
                    if media_type.startswith(("text/", "application/geo", "application/prs"))
                    else {"contentEncoding": "base64"}
                )
                for media_type in formats.values()
            ]
        },
    }
