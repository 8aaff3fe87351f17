"""Numbers in prose: values, units, ranges; what belongs to a date is left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.quantities import Quantity, agree, quantities


def read(text):
    return [(q.low, q.high, q.unit) for q in quantities(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a rise of 75 basis points", [(0.75, 0.75, "pp")]),
        ("three-quarters of a percentage point", [(0.75, 0.75, "pp")]),
        ("inflation of 8.6 percent", [(8.6, 8.6, "%")]),
        ("a range of 1.50 to 1.75 %", [(1.5, 1.75, "%")]),
        ("it cost $1.5 trillion", [(1.5e12, 1.5e12, "USD")]),
        ("some 10,000 people", [(10_000, 10_000, "")]),
        ("twelve members", [(12, 12, "")]),
        ("between 3 and 4 percent", [(3, 4, "%")]),
        ("rose from 3 to 4 percent", [(3, 3, "%"), (4, 4, "%")]),
        ("on June 15, 2022", []),
        ("in 2022", []),
    ],
)
def test_numbers_with_their_units(text, expected):
    found = read(text)
    assert len(found) == len(expected)
    for (low, high, unit), (wanted_low, wanted_high, wanted_unit) in zip(found, expected, strict=True):
        assert (low, high, unit) == (pytest.approx(wanted_low), pytest.approx(wanted_high), wanted_unit)


@given(
    st.floats(0.01, 1e6).map(lambda x: round(x, 2)), st.sampled_from(["%", " percent", " basis points", ""])
)
def test_a_written_number_reads_back(value, unit):
    (found,) = quantities(f"it moved by {value:.2f}{unit} then")
    scale = 100 if "basis" in unit else 1
    assert found.low == pytest.approx(value / scale)
    assert not found.is_range


@given(st.text(alphabet="0123456789.,$% tofandbetwn-–half/", max_size=50))
def test_every_quantity_lies_in_its_text_in_order(text):
    found = quantities(text)
    assert all(0 <= q.start < q.end <= len(text) and not q.high < q.low for q in found)
    assert [q.start for q in found] == sorted(q.start for q in found)


_POINTS = st.builds(
    lambda x, u: Quantity(x, x, u, 0, 1), st.floats(-1e6, 1e6), st.sampled_from(["%", "pp", "USD", ""])
)


@given(_POINTS, _POINTS)
def test_agreement_is_symmetric_and_holds_for_itself(a, b):
    assert agree(a, b) == agree(b, a)
    assert agree(a, a)


def test_a_range_is_no_point_and_a_unit_no_other():
    assert not agree(Quantity(3, 4, "%", 0, 1), Quantity(3.5, 3.5, "%", 0, 1))
    assert not agree(Quantity(3, 3, "USD", 0, 1), Quantity(3, 3, "EUR", 0, 1))
    assert agree(Quantity(3, 3, "", 0, 1), Quantity(3, 3, "EUR", 0, 1))
