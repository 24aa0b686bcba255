"""What an output format is, and what an encoding is told besides the answer."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from poles.coverage import Answer

Kind = Literal["coverages", "table"]


def _present() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Context:
    """Around the answer: the language, the links of a collection of features, the request and its time."""

    language: str = "en"
    links: tuple[Mapping[str, str], ...] = ()
    next: Mapping[str, str] | None = None
    """The link to the rows after these, written where they are not counted and the table tells that there are more."""
    url: str | None = None
    """Of the request: it stands in the history of a file."""
    moment: datetime = field(default_factory=_present)

    @property
    def stamp(self) -> str:
        """The time of the request, RFC 3339."""
        return self.moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Format:
    """One output format.

    `carries` gives the reason why the format cannot carry an answer, None where it can. `write` gives the document
    in pieces; an error in the middle is raised, so that no half document looks whole.
    """

    name: str
    media_type: str
    extension: str
    aliases: tuple[str, ...]
    """Further names and media types, in lower case."""
    kinds: tuple[Kind, ...]
    carries: Callable[[Answer], str | None] = field(repr=False)
    write: Callable[[Answer, Context], Iterator[bytes]] = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """All that the format goes by, in lower case."""
        return (self.name.lower(), essence(self.media_type), *self.aliases)


def essence(media_type: str) -> str:
    """A media type without its parameters; the `+` that a URL lost comes back.

    >>> essence("image/tiff; application=geotiff"), essence("application/prs.coverage json")
    ('image/tiff', 'application/prs.coverage+json')
    """
    return media_type.split(";")[0].strip().lower().replace(" ", "+")


Piece = bytes | memoryview
"""What the pieces of a text are before they are gathered: those of many rows are not copied until then."""


def gathered(pieces: Iterable[Piece], size: int = 1 << 18) -> Iterator[bytes]:
    """The same bytes in pieces of about `size`, so that small answers go out as one.

    >>> [len(p) for p in gathered([b"ab"] * 5, size=4)]
    [4, 4, 2]
    """
    waiting: list[Piece] = []
    length = 0
    for piece in pieces:
        waiting.append(piece)
        length += len(piece)
        if length >= size:
            yield b"".join(waiting)
            waiting, length = [], 0
    if waiting:
        yield b"".join(waiting)
