"""Livegate: face liveness for embedded terminals."""

__version__ = "0.1.0"
