"""A table of a page."""

from collections.abc import Iterable

Cells = Iterable[tuple[str, str]]


def html_table(name: str, head: str, rows: Iterable[Cells]) -> str:
    """A table that scrolls sideways where it is too wide.

    Args:
        name: Its id.
        head: Its header's cells, as HTML.
        rows: (class, content as HTML) a cell.
    """
    body = "\n".join(
        f"<tr>{''.join(f'<td class={role!r}>{cell}</td>' for role, cell in row)}</tr>"
        for row in rows
    )
    return (
        f"<div class=wide><table id={name}><thead><tr>{head}</tr></thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )
