"""``python -m edge``: the ``livegate`` command."""

from edge.cli.main import main

main()
