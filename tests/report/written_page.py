"""A report as a browser reads it."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """The embedded data, the text of every table's body cells, and what the page refers to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.data, self.tables, self.references = "", {}, []
        self._table, self._in = "", ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.references += [attributes[key] for key in ("src", "href") if key in attributes]
        if tag == "script":
            self._in = "data" if attributes.get("id") == "report-data" else "script"
        if tag == "table":
            self._table = attributes["id"]
            self.tables[self._table] = []
        if tag == "tr":
            self.tables[self._table].append([])
        if tag == "td":
            self.tables[self._table][-1].append("")
            self._in = "cell"
        if tag == "br" and self._in == "cell":
            self.tables[self._table][-1][-1] += "\n"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "td"):
            self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "data":
            self.data += data
        if self._in == "cell":
            self.tables[self._table][-1][-1] += data

    def rows(self, table: str) -> list[list[str]]:
        return [row for row in self.tables.get(table, []) if row]
