import pytest
import torch

from ganpipe.metrics import classes


def confident_logits(*predictions: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(predictions), 4) * 50.0


def test_shares_count_the_most_likely_class() -> None:
    assert classes.shares(confident_logits(0, 0, 2, 3)).tolist() == [0.5, 0, 0.25, 0.25]


def test_class_is_covered_from_a_tenth_of_its_real_share() -> None:
    real = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64)

    assert classes.coverage(torch.tensor([0.94, 0.06, 0.0]), real) == 1
    assert classes.coverage(torch.tensor([0.96, 0.04, 0.0]), real) == 0.5
    assert classes.coverage(torch.tensor([0.0, 0.0, 1.0]), real) == 0


def test_balance_is_one_for_the_real_shares_and_zero_for_disjoint_classes() -> None:
    real = torch.tensor([0.2, 0.8, 0.0], dtype=torch.float64)

    assert classes.balance(real, real) == 1
    assert classes.balance(torch.tensor([0.0, 0.0, 1.0]), real) == pytest.approx(0)
    assert classes.balance(torch.tensor([0.3, 0.7, 0.0]), real) == pytest.approx(0.9)


def test_confidence_is_the_mean_probability_of_the_predicted_class() -> None:
    assert classes.confidence(confident_logits(1, 2)) == pytest.approx(1)
    assert classes.confidence(torch.zeros(5, 4)) == pytest.approx(0.25)
