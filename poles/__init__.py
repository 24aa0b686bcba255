"""Poles: one engine for the Earth-system data of the four French data poles."""

__version__ = "0.1.0"
