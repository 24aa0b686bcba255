"""What the environment says: one frozen value, read at the edges (command line, web, workers)."""

import os
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from poles.errors import Invalid


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the server stands and what it may use."""

    config: Path | None
    """The configuration file; None: the catalogue in the state folder."""
    state: Path
    """The one folder that holds whatever the server writes."""
    url: str | None
    """The public base URL, without a slash at its end."""
    host: str
    port: int
    workers: int
    threads: int
    cache_bytes: int
    """Budget of one worker for decoded chunks."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Whose word of the address that a client asked is taken."""

    @property
    def catalogue(self) -> Path:
        """The root file of the catalogue."""
        return self.config or self.state / "pygeoapi-config.yml"


def settings() -> Settings:
    """The settings of this process; stock pygeoapi's PYGEOAPI_CONFIG is understood too."""
    env = os.environ
    config = env.get("POLES_CONFIG") or env.get("PYGEOAPI_CONFIG")
    home = Path(env.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    workers = _number("POLES_WORKERS", 2)
    return Settings(
        config=Path(config) if config else None,
        state=Path(env.get("POLES_STATE") or home / "poles"),
        url=(env.get("POLES_URL") or "").rstrip("/") or None,
        host=env.get("POLES_HOST") or env.get("HOST") or "127.0.0.1",
        port=_number("POLES_PORT" if env.get("POLES_PORT") else "PORT", 5000),
        workers=workers,
        threads=_number("POLES_THREADS", 8),
        cache_bytes=_number("POLES_CACHE_MB", 512) * 1024 * 1024 // max(workers, 1),
        trusted_proxies=_networks("POLES_TRUSTED_PROXIES"),
    )


def _networks(name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and networks, parted by commas. Raises `Invalid`."""
    texts = [t.strip() for t in os.environ.get(name, "").split(",") if t.strip()]
    try:
        return tuple(ip_network(t, strict=False) for t in texts)
    except ValueError as error:
        raise Invalid(name, str(error), "give addresses or networks, as 127.0.0.1,10.0.0.0/8") from None


def _number(name: str, default: int) -> int:
    """A whole number of the environment. Raises `Invalid`."""
    text = os.environ.get(name) or str(default)
    try:
        return int(text)
    except ValueError:
        raise Invalid(name, f"'{text}' is no whole number", "give one, or unset it") from None
