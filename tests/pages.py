"""Pages and PDF files for tests, made from scratch. Every fact in them is FICTIONAL."""

from __future__ import annotations

PARAGRAPHS = (
    "The central bank of Freedonia raised its benchmark rate by 50 basis points on Wednesday, citing prices "
    "that rose faster than at any time in a generation and a labour market that showed no sign of cooling.",
    "Economists polled by the Daily Example had expected a rise of 25 basis points. Governor Ada Sample said "
    "that further rises would be appropriate at the coming meetings if prices did not slow down.",
    "Shares in Freedonia fell after the decision, while the currency gained against those of its neighbours. "
    "The next meeting of the bank is due in the autumn, and few expect a pause before the end of the year.",
)


def html_page(
    *, head: str = "", before: str = "", paragraphs: tuple[str, ...] = PARAGRAPHS, after: str = ""
) -> bytes:
    """A page with menus around an article."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Rates rise | Example</title>{head}'
        '</head><body><nav><ul><li><a href="/">Home</a></li><li><a href="/world">World</a></li></ul></nav>'
        f"<main><article><h1>Rates rise in Freedonia</h1>{before}{body}</article></main>{after}"
        "<footer>All rights reserved by nobody.</footer></body></html>"
    ).encode()


def pdf_file(*lines: str, created: str = "") -> bytes:
    """A one-page PDF 1.4 with the given lines of text."""
    shown = " ".join(f"({line}) Tj 0 -14 Td" for line in lines)
    stream = f"BT /F1 12 Tf 72 720 Td {shown} ET".encode("latin-1")
    info = f"<< /CreationDate (D:{created}120000Z) >>" if created else "<< >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        info.encode(),
    ]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        out
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
        + b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, len(out))
    )
