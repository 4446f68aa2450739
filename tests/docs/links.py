"""Checks the links between the pages of the site: files and anchors. rustdoc checks its own pages.

python tests/docs/links.py <folder of the site>
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit


class Page(HTMLParser):
    """The anchors of a page, and its links."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors, self.links = {""}, set[str]()
        self.feed(path.read_text())

    def handle_starttag(self, _tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Take in the attributes of an element."""
        for name, value in attributes:
            if name == "id":
                self.anchors.add(value or "")
            elif name in ("href", "src"):
                self.links.add(value or "")


def broken_links(site: Path) -> list[str]:
    """Return the links that lead nowhere, each with its page."""
    pages = {path: Page(path) for path in site.rglob("*.html") if site / "rust" not in path.parents}
    broken = []
    for path, page in pages.items():
        for link in sorted(page.links):
            url = urlsplit(urljoin(path.as_uri(), link))
            target = Path(unquote(url.path))
            if url.scheme == "file" and not (
                target.is_file()
                and (target not in pages or unquote(url.fragment) in pages[target].anchors)
            ):
                broken.append(f"{path.relative_to(site)}: the link {link} leads nowhere")
    return broken


if __name__ == "__main__":
    sys.exit("\n".join(broken_links(Path(sys.argv[1]).resolve())) or None)
