"""Reading without a model: from bytes to dated, ranked, numbered evidence.

Nothing is imported here, because a command line must start quickly; each function lives in its module:

    page          extract(content, url)
    publication   publication_date(content, url)
    bulk          read_document(content, url), read_many(paths)
    sentences     sentences(text)
    dates         find_dates(text, published), statement_date(start, end, mentions, published)
    expectations  expectations(text, published)
    same_event    same_event(a, b), threshold()
    clustering    cluster(statements)
    evidence      passages(document, seed), relevance(text, seed), number_evidence(passages, budget=…), quote(…)
    address       canonical_url(url), publisher_of(url)
    language      detect_language(text)

`docs/reading.md` shows each of them in use. English only: text in other languages is kept and marked, and
gives no evidence.
"""
