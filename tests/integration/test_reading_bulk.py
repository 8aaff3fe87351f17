"""Many files over several processes: order kept, broken ones are values. Facts are FICTIONAL."""

from agents.reading.bulk import Unreadable, read_many
from agents.reading.document import Document
from corpus.dates import EventDate
from tests.pages import html_page, pdf_file


def test_files_come_back_in_order_and_a_broken_one_stops_nobody(tmp_path):
    contents = [html_page(), b"%PDF-1.7 broken", pdf_file("Rates rise", "The bank acted."), b"", html_page()]
    paths = [tmp_path / f"{number}.bin" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    paths.append(tmp_path / "missing.html")
    found = list(read_many(paths, published=EventDate.parse("2022-06-15"), workers=2))
    assert [type(row) for row in found] == [Document, Unreadable, Document, Unreadable, Document, Unreadable]
    assert found[1].place == "1.bin"
    assert "PDF that cannot be read" in found[1].message
    assert "is empty" in found[3].message
    assert "cannot be read" in found[5].message
    assert found == list(read_many(paths, published=EventDate.parse("2022-06-15"), workers=1))
