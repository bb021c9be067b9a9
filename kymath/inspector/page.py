"""A report as one page for a browser: nothing is fetched, and no text of a file becomes markup."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..files import write_whole
from .checkpoint import shown
from .page_data import data

if TYPE_CHECKING:
    from .report import ConnectionReport

_ESCAPED = "<>&\u2028\u2029"  # what could end the element of a script, or a line of JavaScript

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Connection curves: {title}</title>
<style>{style}</style>
</head>
<body>
<main id="report"><noscript>The numbers are in this file; a browser with JavaScript shows them.</noscript></main>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def page(report: ConnectionReport) -> str:
    """One page that needs nothing else: curves layer by layer, how alike heads are, and a table to sort and filter.

    Raises ``KYError`` for more curves than a browser can show. Source: this project's.

    >>> import numpy as np
    >>> from kymath.inspector import inspect_connections
    >>> key = "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    >>> text = page(inspect_connections({key: np.zeros((32, 2))}))
    >>> "default-src 'none'" in text, text.count("</script>")
    (True, 2)
    """
    style, script = _part("page.css"), _part("page.js")
    return _PAGE.format(
        title=html.escape(shown(report.source) or "a model"),
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'",
        data=embedded(data(report)),
    )


def embedded(value: Any) -> str:
    """JSON that can stand inside an element of HTML, whatever texts it holds.

    >>> embedded({"layer": "</script><b>"})
    '{"layer":"\\\\u003c/script\\\\u003e\\\\u003cb\\\\u003e"}'
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for letter in _ESCAPED:
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def to_html(report: ConnectionReport, path: Any) -> None:
    """Write :func:`page`, whole or not at all. Raises ``OSError`` where that is not possible."""
    write_whole(path, page(report).encode())


def _part(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What the policy of the page names its own style and script by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
