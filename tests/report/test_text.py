from ganpipe.compare.ranking import rank
from ganpipe.config import SelectSettings
from ganpipe.report.text import verdict
from tests.compare.test_ranking import score, with_error


def verdict_text(**measured: tuple[float, float]) -> str:
    scores = [with_error(score(name, fd=value), error) for name, (value, error) in measured.items()]
    return " ".join(verdict(rank(scores, SelectSettings(metric="fd")).boards[0]))


def test_neighbours_within_sampling_noise_are_named() -> None:
    text = verdict_text(a=(10.0, 0.3), b=(11.0, 0.4), c=(20.0, 0.4))
    assert "within two standard errors for: a and b." in text


def test_order_beyond_sampling_noise_is_stated() -> None:
    text = verdict_text(a=(10.0, 0.3), b=(15.0, 0.4), c=(18.0, 0.3))
    assert "does not change the order: adjacent ranks differ by at least 6.0 standard errors" in text


def test_sampling_noise_is_not_mentioned_without_standard_errors() -> None:
    scores = [with_error(score("a", fd=10), 0.3), score("b", fd=11)]
    assert "standard error" not in " ".join(verdict(rank(scores, SelectSettings(metric="fd")).boards[0]))
