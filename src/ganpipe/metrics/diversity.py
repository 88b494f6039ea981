"""Diversity of a set of features as an effective number of different images."""

import torch
from torch import Tensor


def vendi_score(rows: Tensor) -> float:
    """Return the Vendi score of rows (n, d): the exponential of the entropy of the eigenvalues of K / n.

    K is the cosine similarity of all pairs. The score is between 1, for parallel rows, and min(n, d). The eigenvalues
    are those of the smaller Gram matrix. Rows of zeros, which have no direction, count as none of the directions.
    Source: Friedman and Dieng, The Vendi score: a diversity evaluation metric for machine learning, 2023, eq. 2.
    Raises ValueError for no rows, and for values that are not finite.
    """
    if not len(rows):
        raise ValueError("the Vendi score needs at least 1 image, got 0")
    if not torch.isfinite(rows).all():
        raise ValueError("features contain values that are not finite")
    unit = torch.nn.functional.normalize(rows.double(), dim=1)
    gram = unit.T @ unit if len(rows) > rows.shape[1] else unit @ unit.T
    eigenvalues = torch.linalg.eigvalsh(gram / len(rows)).clamp(min=0)
    return float(torch.special.entr(eigenvalues).sum().exp())
