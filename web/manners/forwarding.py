"""Where a client came to, as the proxies before us say it: taken from those that are trusted, and from nobody else."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from poles.errors import Invalid

Networks = tuple[IPv4Network | IPv6Network, ...]
_HOST = re.compile(r"([a-z0-9][a-z0-9._-]{0,252}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?")
_PREFIX = re.compile(r"(/[\w~-][\w.~-]*)*/?", re.ASCII)
_ELEMENT = re.compile(r'(?:[^,"]|"[^"]*"?)+')


@dataclass(frozen=True, slots=True)
class Told:
    """What proxies say: scheme and host that the client asked, the path they stand under, the client's address."""

    scheme: str | None = None
    host: str | None = None
    prefix: str | None = None
    client: str | None = None

    def base(self, otherwise: str) -> str:
        """The public base URL; what is not said is as in `otherwise`."""
        if self.scheme is None and self.host is None and self.prefix is None:
            return otherwise
        own = urlsplit(otherwise)
        prefix = own.path if self.prefix is None else self.prefix
        return f"{self.scheme or own.scheme}://{self.host or own.netloc}{prefix}"


def told(environ: Mapping[str, Any], trusted: Networks) -> Told:
    """What is said of a request by the proxies that are trusted; nothing, if the nearest one is not.

    Each proxy adds its word at the end, so the lists are read from there, as far as the chain is trusted.
    Raises `Invalid` for what is no host, scheme or path, and where `Forwarded` and `X-Forwarded-*` contradict
    each other: one of them then comes from the client.
    """
    if not trusted or not _is_trusted(str(environ.get("REMOTE_ADDR")), trusted):
        return Told()
    standard, older = _standard(environ, trusted), _older(environ, trusted)
    for one, other in ((standard.host, older.host), (standard.scheme, older.scheme)):
        if one is not None and other is not None and one != other:
            raise Invalid("Forwarded", "it contradicts X-Forwarded", "let the proxy set one and clear the other")
    return Told(
        older.scheme or standard.scheme, older.host or standard.host, older.prefix, older.client or standard.client
    )


def _older(environ: Mapping[str, Any], trusted: Networks) -> Told:
    """`X-Forwarded-For`, `-Proto`, `-Host` and `-Prefix`."""
    clients, schemes, hosts, prefixes = (
        [v.strip() for v in str(environ.get(f"HTTP_X_FORWARDED_{name}", "")).split(",") if v.strip()]
        for name in ("FOR", "PROTO", "HOST", "PREFIX")
    )
    hops = _hops(clients, trusted)
    return Told(
        _scheme("X-Forwarded-Proto", _said(schemes, hops)),
        _host("X-Forwarded-Host", _said(hosts, hops)),
        _prefix(_said(prefixes, hops)),
        _client(_said(clients, hops)),
    )


def _standard(environ: Mapping[str, Any], trusted: Networks) -> Told:
    """`Forwarded` (RFC 7239)."""
    elements = [_pairs(e) for e in _ELEMENT.findall(str(environ.get("HTTP_FORWARDED", "")))]
    hops = _hops([e.get("for", "") for e in elements], trusted)
    chain = elements[-hops:]
    scheme = next((e["proto"] for e in chain if "proto" in e), None)
    host = next((e["host"] for e in chain if "host" in e), None)
    client = _client(chain[0].get("for") if chain else None)
    return Told(_scheme("Forwarded", scheme), _host("Forwarded", host), None, client)


def _pairs(element: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in element.split(";"))
    return {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs if value.strip().strip('"')}


def _hops(clients: Sequence[str], trusted: Networks) -> int:
    """How many proxies in a row are trusted, the nearest first."""
    hops = 1
    while hops < len(clients) and _is_trusted(clients[-hops], trusted):
        hops += 1
    return hops


def _said(values: Sequence[str], hops: int) -> str | None:
    """The word of the farthest proxy that is trusted, or of one nearer where it said nothing."""
    return values[-min(hops, len(values))] if values else None


def _is_trusted(address: str, trusted: Networks) -> bool:
    found = _address(address)
    return found is not None and any(found in network for network in trusted)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address, which may have a port and, of version 6, brackets; an IPv4 one inside IPv6 is that."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _client(text: str | None) -> str | None:
    found = None if text is None else _address(text)
    return None if found is None else str(found)


def _host(header: str, value: str | None) -> str | None:
    if value is not None and not _HOST.fullmatch(value.lower()):
        raise Invalid(header, "it is no host name", "let the proxy send one")
    return None if value is None else value.lower()


def _scheme(header: str, value: str | None) -> str | None:
    if value is not None and value.lower() not in ("http", "https"):
        raise Invalid(header, "it is neither http nor https", "let the proxy send one of them")
    return None if value is None else value.lower()


def _prefix(value: str | None) -> str | None:
    if value is not None and not _PREFIX.fullmatch(value):
        raise Invalid("X-Forwarded-Prefix", "it is no path", "let the proxy send one that begins with a slash")
    return None if value is None else value.rstrip("/")
