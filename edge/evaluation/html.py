"""Pieces of a page that needs nothing else: no script, font, picture or network. Texts from outside are escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from edge.evaluation.style import STYLE

# Characters of a word that may be broken: a path or a hash.
_LONG_WORD: Final = 30


def document(title: str, body: str) -> str:
    """The whole page. body: HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        # The browser itself holds the page to what it promises.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Livegate: {escape(title)}</title>"
        f"<style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def header(title: str, facts: Iterable[tuple[str, str]], note: str) -> str:
    """The page's beginning: its title, facts by name, and what it is not."""
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return (
        f'<header><p class="brand">Livegate</p><h1>{escape(title)}</h1>'
        f'<dl class="facts">{listed}</dl><p class="note">{escape(note)}</p></header>'
    )


def tiles(shown: Iterable[tuple[str, str, Sequence[str]]]) -> str:
    """Headlines: each a name, a figure, and lines of what it is."""
    return '<div class="tiles">{}</div>'.format(
        "".join(
            f'<div class="tile"><h3>{escape(name)}</h3><p class="big">{escape(value)}</p>'
            + "".join(f"<p>{escape(line)}</p>" for line in lines)
            + "</div>"
            for name, value, lines in shown
        )
    )


def section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def figure(title: str, content: str) -> str:
    return f"<figure><figcaption>{escape(title)}</figcaption>{content}</figure>"


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int) -> str:
    """numbers: first column of numbers, which stand to the right."""
    first = "".join(f'<th scope="col"{_side(place, numbers)}>{escape(head)}</th>' for place, head in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(_cell(place, numbers, value) for place, value in enumerate(row)) + "</tr>" for row in rows
    )
    head = f"<thead><tr>{first}</tr></thead>" if any(heads) else ""
    return f'<div class="scroll"><table>{head}<tbody>{body}</tbody></table></div>'


def _side(place: int, numbers: int) -> str:
    return ' class="number"' if place >= numbers else ""


def _cell(place: int, numbers: int, value: str) -> str:
    kinds = ["number"] * (place >= numbers) + ["long"] * any(len(word) > _LONG_WORD for word in value.split())
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    return f"<td{kind}>{escape(value)}</td>"
