"""Logs on standard error, for journald or for a person. No array, landmark or template reaches them: see ``scrubbing``,
which values, messages and tracebacks go through.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO

# structlog takes rich along where it is installed, for tracebacks that are not wanted here: 3 MiB of the daemon's
# memory and a twentieth of its start.
if "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import_module("structlog")
    finally:
        del sys.modules["rich"]

import structlog

from edge.terminal.scrubbing import scrubbed, scrubbed_text

if TYPE_CHECKING:
    from edge.config.settings import Log


def configure(level: str, *, as_json: bool) -> None:
    """Structured and standard-library logging through one renderer, on standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    last: list[Any]
    if as_json:
        last = [structlog.processors.format_exc_info, _without_pictures, structlog.processors.JSONRenderer()]
    else:
        last = [
            _without_pictures,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_plain),
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def log_to(log: Log) -> None:
    """As the settings say."""
    configure(log.level.value, as_json=log.format == "json")


def _plain(out: TextIO, exc_info: Any) -> None:
    """A traceback; the default one, of rich, shows local variables, and with them frames."""
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    out.write(scrubbed_text(text.getvalue()))


def _without_pictures(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    # What a renderer makes text of comes later.
    return {key: value if key in {"exc_info", "stack_info"} else scrubbed(value) for key, value in event.items()}
