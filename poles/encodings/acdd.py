"""Global attributes of a NetCDF file: what the data set is, whose, and under which terms (CF-1.8, ACDD-1.3)."""

from collections.abc import Iterable
from typing import Any

from poles import __version__
from poles.dataset import Contact, Dataset
from poles.encodings.format import Context

_CREATORS = ("author", "creator", "originator", "principalInvestigator", "owner")
_PUBLISHERS = ("publisher", "distributor", "resourceProvider")
_STANDARD_NAMES = "CF Standard Name Table"


def attributes(dataset: Dataset, context: Context) -> dict[str, Any]:
    """What the description of the data set says, in the language of the request; extents are left to the layout."""
    language = context.language
    found = {
        "Conventions": "CF-1.8, ACDD-1.3",
        "title": dataset.title.in_(language),
        "summary": dataset.description.in_(language),
        "keywords": ", ".join(k.in_(language) for k in dataset.keywords),
        **_identifier(dataset),
        "license": dataset.licence,
        "access_constraints": dataset.access_rights,
        "processing_level": dataset.processing_level,
        "product_version": dataset.version,
        "source": dataset.lineage.in_(language) if dataset.lineage is not None else dataset.title.in_(language),
        "acknowledgement": dataset.citation,
        "references": _references(dataset),
        "comment": dataset.quality,
        "program": dataset.pole.upper() if dataset.pole is not None else None,
        "project": "Data Terra" if dataset.pole is not None else None,
        "standard_name_vocabulary": _STANDARD_NAMES,
        "date_created": context.stamp,
        "history": f"{context.stamp} poles {__version__}: " + (context.url or f"extracted from {dataset.id}"),
        **_people(dataset.contacts),
    }
    return {k: v for k, v in found.items() if v is not None and v != ""}


def _identifier(dataset: Dataset) -> dict[str, str]:
    if dataset.doi is None:
        return {"id": dataset.id, "naming_authority": "poles"}
    return {"id": _bare(dataset.doi), "naming_authority": "https://doi.org", "metadata_link": _doi(dataset)}


def _bare(doi: str) -> str:
    return doi.removeprefix("https://doi.org/").removeprefix("http://doi.org/").removeprefix("doi:")


def _doi(dataset: Dataset) -> str:
    return "" if dataset.doi is None else f"https://doi.org/{_bare(dataset.doi)}"


def _references(dataset: Dataset) -> str:
    return "; ".join(t for t in (dataset.citation, _doi(dataset)) if t)


def _people(contacts: Iterable[Contact]) -> dict[str, str]:
    """Creator, publisher and contributors; who is only a point of contact is the publisher of the data."""
    people = list(contacts)
    if not people:
        return {}
    creator = next((c for c in people if c.role in _CREATORS), people[0])
    publisher = next((c for c in people if c.role in _PUBLISHERS), people[0])
    others = [c for c in people if c not in (creator, publisher)]
    return {
        "institution": creator.organisation or creator.name,
        **_person("creator", creator),
        **_person("publisher", publisher),
        "contributor_name": "; ".join(c.name for c in others),
        "contributor_role": "; ".join(c.role for c in others),
    }


def _person(role: str, contact: Contact) -> dict[str, str]:
    found = {
        f"{role}_name": contact.name,
        f"{role}_email": contact.email,
        f"{role}_url": contact.url,
        f"{role}_institution": contact.organisation,
    }
    return {k: v for k, v in found.items() if v}
