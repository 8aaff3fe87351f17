"""A fetched page's bytes → its text and date signals, what the page hides left out.

Hidden elements are taken out before the text is, because instructions to a model are hidden that way and
no reader of the page ever saw them. The rest is `agents.reading`.
"""

from __future__ import annotations

from agents.fetch import ReadPage
from agents.fetching.sniff import MediaType
from agents.injection import remove_hidden
from agents.reading.page import checked_media, extract, extract_tree, parse_html
from agents.reading.publication import page_signals, publication_date
from corpus.errors import DocumentError


def read_page(content: bytes, url: str) -> ReadPage | str:
    """The page, or one sentence why it cannot be read."""
    try:
        if checked_media(content, url) in {MediaType.HTML, MediaType.XML}:
            tree = parse_html(content, url)
            signals = page_signals(tree, url)
            hidden = remove_hidden(tree)
            found = extract_tree(tree, url)
        else:
            found, signals, hidden = extract(content, url), publication_date(content, url).signals, ()
    except DocumentError as error:
        return str(error)
    return ReadPage(found.title, found.text, found.language, found.canonical_url, signals, hidden)
