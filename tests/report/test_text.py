from ganpipe.compare.ranking import rank
from ganpipe.config import SelectSettings
from ganpipe.report.text import verdict
from tests.compare.test_ranking import score, with_error


def said(**measured: tuple[float, float]) -> str:
    scores = [with_error(score(name, fd=value), error) for name, (value, error) in measured.items()]
    return " ".join(verdict(rank(scores, SelectSettings(metric="fd")).boards[0]))


def test_neighbours_that_other_samples_could_exchange_are_named() -> None:
    text = said(a=(10.0, 0.3), b=(11.0, 0.4), c=(20.0, 0.4))
    assert "a and b: the difference is within twice its standard error" in text
    assert "b and c" not in text


def test_an_order_that_other_samples_keep_is_called_so() -> None:
    text = said(a=(10.0, 0.3), b=(15.0, 0.4), c=(18.0, 0.3))
    assert "the same order: neighbours are at least 6.0 standard errors apart" in text


def test_nothing_is_said_of_samples_where_their_error_is_not_known() -> None:
    scores = [with_error(score("a", fd=10), 0.3), score("b", fd=11)]
    assert "standard error" not in " ".join(verdict(rank(scores, SelectSettings(metric="fd")).boards[0]))
