"""When a page was published: agreement, contradiction, and the answer that nothing is certain."""

import json

import pytest

from agents.reading.bulk import read_document
from agents.reading.publication import DateSignal, Origin, judge, publication_date
from corpus.case import Availability
from corpus.dates import EventDate
from tests.pages import PARAGRAPHS, html_page, pdf_file

DATED_URL = "https://www.example.com/2022/06/15/rates"
PLAIN_URL = "https://www.example.com/rates"
META = '<meta property="article:published_time" content="2022-06-15T18:00:00Z">'


def linked(**values):
    body = json.dumps({"@context": "https://schema.org", "@graph": [{"@type": "NewsArticle", **values}]})
    return f'<script type="application/ld+json">{body}</script>'


def test_two_independent_origins_that_agree_are_certain():
    found = publication_date(html_page(head=META), DATED_URL)
    assert (str(found.date), found.checked, found.reason) == ("2022-06-15", True, "")
    assert found.available_at == EventDate.parse("2022-06-15").end()
    assert {Origin.METADATA, Origin.URL, Origin.EXTRACTOR} <= {signal.origin for signal in found.signals}


@pytest.mark.parametrize(
    "before",
    [
        '<time datetime="2022-06-15T14:00:00-04:00">today</time>',
        "<p>June 15, 2022</p>",
        '<div class="byline">By a Writer, 15 June 2022</div>',
    ],
)
def test_metadata_and_a_visible_date_are_independent(before):
    found = publication_date(html_page(head=linked(datePublished="2022-06-15"), before=before), PLAIN_URL)
    assert found.checked
    assert str(found.date) == "2022-06-15"


def test_one_origin_is_no_proof_however_often_it_speaks():
    found = publication_date(html_page(head=META + linked(datePublished="2022-06-15")), PLAIN_URL)
    assert str(found.date) == "2022-06-15"
    assert not found.checked
    assert "one signal is no proof" in found.reason
    assert found.available_at is None


def test_a_page_without_any_date_is_not_dated_by_guess():
    found = publication_date(html_page(), PLAIN_URL)
    assert (found.date, found.checked, found.reason) == (None, False, "Nothing dates the page.")


def test_signals_that_disagree_are_not_certain():
    found = publication_date(html_page(head=META), "https://www.example.com/2022/06/10/rates")
    assert not found.checked
    assert "disagree" in found.reason


def test_signals_worlds_apart_give_no_date_at_all():
    found = publication_date(html_page(head=META), "https://www.example.com/2012/06/10/rates")
    assert found.date is None
    assert "worlds apart" in found.reason


@pytest.mark.parametrize(
    "change",
    [
        {"head": META + '<meta property="article:modified_time" content="2022-08-01">'},
        {"head": META + linked(dateModified="2022-08-01")},
        {"head": META, "before": '<p>Updated <time datetime="2022-08-01">1 August</time></p>'},
        {"head": META, "after": '<div id="lastUpdate">Last update: August 1, 2022</div>'},
    ],
)
def test_a_later_modification_contradicts(change):
    found = publication_date(html_page(**change), DATED_URL)
    assert str(found.date) == "2022-06-15"
    assert not found.checked
    assert "changed later, on 2022-08-01" in found.reason


def test_a_text_that_tells_of_later_days_contradicts():
    late = (*PARAGRAPHS, "On September 21, 2022 the bank raised its rate again, to the surprise of most.")
    document = read_document(html_page(head=META, paragraphs=late), DATED_URL)
    assert document.availability is Availability.UNDATED
    planned = (*PARAGRAPHS, "The bank will meet again on September 21, 2022, when members are due to vote.")
    document = read_document(html_page(head=META, paragraphs=planned), DATED_URL)
    assert document.availability is Availability.CHECKED_PUBLICATION


def test_pages_before_1995_are_dated():
    head = '<meta name="dc.date" content="1987-10-19">'
    found = publication_date(html_page(head=head), "https://www.example.com/1987/10/19/crash")
    assert (str(found.date), found.checked) == ("1987-10-19", True)


def test_years_out_of_this_world_are_no_signals():
    head = '<meta name="date" content="20222-06-15"><meta name="dc.date" content="9999-01-01">'
    assert publication_date(html_page(head=head), PLAIN_URL).signals == ()


def test_broken_linked_data_does_no_harm():
    found = publication_date(
        html_page(head='<script type="application/ld+json">{"@type": </script>'), DATED_URL
    )
    assert str(found.date) == "2022-06-15"


def test_a_pdf_is_dated_by_its_information_and_its_address():
    content = pdf_file("Rates rise", created="20220615")
    assert not publication_date(content, PLAIN_URL).checked
    assert publication_date(content, "https://www.example.com/20220615/r.pdf").checked


def test_a_declared_date_makes_a_file_available_and_says_declared():
    document = read_document(html_page(), "file:///home/me/page.html", published=EventDate.parse("2022-06"))
    assert document.availability is Availability.DECLARED
    assert document.available_at == EventDate.parse("2022-06").end()
    assert document.publisher == "local"


def test_a_saved_page_is_known_by_the_address_it_gives_itself():
    head = META + f'<link rel="canonical" href="{DATED_URL}">'
    document = read_document(html_page(head=head), "file:///home/me/page.html")
    assert (document.url, document.publisher) == (DATED_URL, "example.com")
    assert document.availability is Availability.CHECKED_PUBLICATION


def test_time_zones_are_no_disagreement():
    signals = [
        DateSignal(Origin.METADATA, EventDate.parse("2022-06-16")),
        DateSignal(Origin.URL, EventDate.parse("2022-06-15")),
    ]
    assert judge(signals, "").checked
