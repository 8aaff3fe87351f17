"""The guidelines that curators decide by, and the version that each decision names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from corpus.errors import InvalidFile
from corpus.identity import text_sha256

SHIPPED = Path(__file__).parent / "guidelines.md"
VERSION_DIGITS = 10


@dataclass(frozen=True)
class Guidelines:
    """A Markdown text and its version: the start of its hash, so that no edit goes unseen."""

    text: str

    @property
    def version(self) -> str:
        """Ten hexadecimal digits of the text's sha256."""
        return text_sha256(self.text)[:VERSION_DIGITS]

    def html(self) -> str:
        """The text as HTML; raw HTML within it is shown as text, and only http(s) links are made."""
        from markdown_it import MarkdownIt

        return str(MarkdownIt("commonmark", {"html": False}).render(self.text))


def read_guidelines(file: Path | None) -> Guidelines:
    """The guidelines in `file`, or the shipped ones; raises InvalidFile where it cannot be read."""
    try:
        return Guidelines((file or SHIPPED).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise InvalidFile(f"{file} cannot be read as guidelines: {fault}; name a Markdown file.") from fault
