"""Rows: observations and features as Arrow tables."""
