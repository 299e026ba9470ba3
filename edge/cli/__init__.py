"""The ``livegate`` command: one click group per file, no logic."""
