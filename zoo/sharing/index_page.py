"""The page that a browser shows of a mirror: what is there, and how to get it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import quote

from zoo.figures import file_size, metric_value
from zoo.manifest import FILE_NAME, Weights

NAME = "index.html"
MARK = '<meta name="generator" content="gluon-zoo">'
_STYLE = (
    "body{font-family:sans-serif;line-height:1.5;max-width:70rem;margin:auto;padding:1rem}"
    "table{border-collapse:collapse}th,td{border:1px solid;padding:.25rem .5rem;text-align:left}"
    "div{overflow-x:auto}code{overflow-wrap:anywhere}"
)


def index_page(records: Mapping[str, Weights], checksums: str) -> bytes:
    """The page as HTML: no script, and nothing that is asked of another host.

    `checksums` is the name of the file beside it that holds the digests.
    """
    sections = "\n".join(_section(one) for one in records.values())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
{MARK}
<title>Pretrained weights</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>Pretrained weights</h1>
<p>A hub of {len(records)} published sets of weights: <code>zoo fetch ADDRESS::NAME</code>, with the
address or folder of this page, takes them from here. Of those that come with the package it is also
a mirror: name it in <code>ZOO_MIRROR</code>. Every file is known
by its size and sha256 before it is asked for: a mirror can withhold a file, never change one.</p>
<p>Records: {_link(FILE_NAME)}. Digests, for <code>sha256sum --check</code>: {_link(checksums)}.</p>
{_overview(records.values())}
{sections}
</main>
</body>
</html>
""".encode()


def _overview(records: Iterable[Weights]) -> str:
    rows = "\n".join(
        f'<tr><th scope="row"><a href="#{escape(one.name)}">{escape(one.name)}</a></th>'
        f"<td>{escape(one.task)}</td><td>{escape(_headline(one))}</td>"
        f"<td>{one.parameters:,}</td></tr>"
        for one in records
    )
    return _table("Weights", ("name", "task", "measured", "parameters"), rows)


def _section(weights: Weights) -> str:
    rows = "\n".join(
        f'<tr><th scope="row">{_link(one.file)}</th><td>{escape(one.kind)}</td>'
        f"<td>{file_size(one.size)}</td><td><code>{one.sha256}</code></td></tr>"
        for one in weights.artifacts.values()
    )
    name = escape(weights.name)
    files = _table(f"Files of {name}", ("file", "kind", "size", "sha256"), rows)
    return f"""<section>
<h2 id="{name}">{name}</h2>
<p>{escape(weights.description)}</p>
<p>Licence: {escape(weights.licence["weights"])}; of the data: {escape(weights.licence["data"])}.
<a href="{escape(weights.paper)}">The work that the architecture follows</a>.</p>
{files}
</section>"""


def _table(caption: str, titles: Iterable[str], rows: str) -> str:
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    return (
        f"<div><table>\n<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _headline(weights: Weights) -> str:
    first = weights.metrics[0]
    value = metric_value(first.name, first.value, first.standard_error)
    return f"{first.name} {value} on {first.dataset} {first.split}"


def _link(file: str) -> str:
    return f'<a href="{escape(quote(file))}">{escape(file)}</a>'
