"""The table of time expressions: the share that is right does not fall below what was measured."""

from benchmarks.reading_dates import TABLE, answers

MEASURED_RIGHT, ROWS = 155, 162


def test_the_share_right_is_what_was_measured():
    listed = answers(TABLE)
    assert len(listed) == ROWS
    assert sum(answer.right for answer in listed) >= MEASURED_RIGHT


def test_every_row_marks_a_stretch_of_its_text():
    for answer in answers(TABLE):
        row = answer.row
        assert row["text"][row["start"] :].startswith(row["expression"])
