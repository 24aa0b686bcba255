"""Grids: from stored arrays to canonical axes, places and values."""
