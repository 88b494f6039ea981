from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganpipe.common.errors import UserError
from ganpipe.common.progress import count_images, progress_bar
from ganpipe.sampling.description import Description
from ganpipe.sampling.generator import load_generator, save_generator
from ganpipe.serve import text
from ganpipe.serve.session import MAX_SEARCHED, GeneratorSession, slerp
from tests.serve.conftest import CONDITIONAL, UNCONDITIONAL
from tests.terminal import terminal
from tests.training.runs import folder


@pytest.mark.parametrize("run", [CONDITIONAL, UNCONDITIONAL])
def test_seed_determines_the_images(workspace: Path, run: str) -> None:
    session = GeneratorSession.open(run)
    first, again, other = session.sample(9, None, 3), session.sample(9, None, 3), session.sample(9, None, 4)
    np.testing.assert_array_equal(first.images, again.images)
    assert (first.images != other.images).any()
    np.testing.assert_array_equal(first.images, session.generator.sample(9, None, 3))
    assert first.grid().shape == (3 * 30 + 2, 3 * 30 + 2, 1)


def test_conditional_generator_is_conditioned_on_the_requested_class(workspace: Path) -> None:
    session = GeneratorSession.open(CONDITIONAL)
    sevens = session.sample(4, "7", 3)
    np.testing.assert_array_equal(sevens.images, session.generator.sample(4, np.full(4, 7), 3))
    assert sevens.search is None
    assert sevens.prediction is not None
    share = text.percent(sevens.prediction.share("7"))
    assert text.sentences(sevens)[-1] == f"{share} are predicted as the requested class."


def test_unconditional_generator_is_searched_for_the_class_and_the_text_says_so(workspace: Path) -> None:
    session = GeneratorSession.open(UNCONDITIONAL)
    prediction = session.sample(250, None, 0).prediction
    assert prediction is not None
    name = prediction.counts[0][0]
    with terminal(), progress_bar("search", unit=" images") as bar, count_images(bar, session.generator.network):
        found = session.sample(5, name, 0)
    assert len(found.images) == 5
    assert found.prediction is not None and found.prediction.share(name) == 1
    assert found.search is not None and found.search.sampled == bar.n <= MAX_SEARCHED
    assert found.search.matching >= 5
    lines = text.sentences(found)
    assert (
        f"classified {found.search.matching} of {found.search.sampled} samples" in lines[0]
        and f"as {name}; these are the first 5." in lines[0]
    )
    assert not any("requested class" in sentence for sentence in lines)  # the judge selected the images itself
    np.testing.assert_array_equal(found.images, session.sample(5, name, 0).images)


def test_search_continues_until_enough_distinct_images_are_found(workspace: Path) -> None:
    session = GeneratorSession.open(UNCONDITIONAL)
    prediction = session.sample(250, None, 0).prediction
    assert prediction is not None
    found = session.sample(256, prediction.counts[0][0], 0)
    assert found.search is not None and found.search.sampled > 250
    assert len(np.unique(found.images, axis=0)) == 256


def test_class_that_is_never_generated_is_reported_after_a_bounded_search(workspace: Path) -> None:
    session = GeneratorSession.open(UNCONDITIONAL)
    prediction = session.sample(250, None, 0).prediction
    assert prediction is not None
    never = next(name for name in session.dataset.classes if name not in prediction.names)
    with pytest.raises(UserError, match=f"classifies none of {MAX_SEARCHED} samples as {never}. Choose a run"):
        session.sample(5, never, 0)


def test_interpolation_connects_the_first_images_of_two_seeds(workspace: Path) -> None:
    session = GeneratorSession.open(UNCONDITIONAL)
    sheet = session.interpolate(7, None, 3, 8)
    np.testing.assert_array_equal(sheet.images[[0]], session.sample(1, None, 3).images)
    np.testing.assert_array_equal(sheet.images[[-1]], session.sample(1, None, 8).images)
    whole = np.abs(sheet.images[0].astype(int) - sheet.images[-1]).sum()
    assert all(np.abs(a.astype(int) - b).sum() < whole for a, b in pairwise(sheet.images))
    assert [metric.name for metric in sheet.metrics] == ["sharpness", "contrast"]


def test_conditional_interpolation_needs_a_class_and_keeps_to_it(workspace: Path) -> None:
    conditional = GeneratorSession.open(CONDITIONAL)
    np.testing.assert_array_equal(
        conditional.interpolate(5, "7", 3, 8).images[0], conditional.generator.sample(1, np.array([7]), 3)[0]
    )
    with pytest.raises(UserError, match="Choose a class"):
        conditional.interpolate(5, None, 3, 8)
    with pytest.raises(UserError, match="Leave the class out"):
        GeneratorSession.open(UNCONDITIONAL).interpolate(5, "7", 3, 8)


@pytest.mark.parametrize(
    ("count", "class_name", "seed", "message"),
    [
        (0, None, 0, "0 images: not between 1 and 256"),
        (257, None, 0, "257 images: not between 1 and 256"),
        (1, None, -1, "seed -1"),
        (1, None, 2**32, "not between 0 and 4294967295"),
        (1, "77", 0, r"not a class of mnist. Did you mean 7\?"),
        (1, "frog", 0, "Choose one of: 0, 1"),
    ],
)
def test_invalid_requests_are_reported(
    workspace: Path, count: int, class_name: str | None, seed: int, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        GeneratorSession.open(UNCONDITIONAL).sample(count, class_name, seed)


def test_interpolation_needs_two_images(workspace: Path) -> None:
    with pytest.raises(UserError, match="not between 2 and 256"):
        GeneratorSession.open(UNCONDITIONAL).interpolate(1, None, 0, 1)


VECTORS = st.integers(0, 2**32 - 1).map(lambda seed: torch.randn(1, 12, generator=torch.Generator().manual_seed(seed)))


@given(VECTORS, VECTORS, st.integers(2, 20))
def test_slerp_has_equal_angles_and_keeps_the_vector_lengths(
    first: torch.Tensor, last: torch.Tensor, count: int
) -> None:
    path = slerp(first, last, count)
    torch.testing.assert_close(path[[0]], first)
    torch.testing.assert_close(path[[-1]], last)
    unit = slerp(first / first.norm(), last / last.norm(), count)
    torch.testing.assert_close(unit.norm(dim=1), torch.ones(count), atol=1e-3, rtol=0)
    cosines = (unit[1:] * unit[:-1]).sum(1)
    assert cosines.max() - cosines.min() < 1e-3


def test_slerp_between_equal_vectors_is_constant() -> None:
    vector = torch.ones(1, 3)
    torch.testing.assert_close(slerp(vector, vector, 4), vector.expand(4, 3))


def test_chosen_generator_is_used_instead_of_the_last_one(workspace: Path) -> None:
    last = GeneratorSession.open(UNCONDITIONAL).sample(3, None, 0).images
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        description = Description("mlp", {}, 20, 0, 1, 28, "signed")
        save_generator(description.build(), description, folder(workspace / "out" / "samples" / UNCONDITIONAL))
    chosen = load_generator(workspace / "out" / "samples" / UNCONDITIONAL).sample(3, None, 0)
    assert not np.array_equal(last, chosen)
    np.testing.assert_array_equal(GeneratorSession.open(UNCONDITIONAL).sample(3, None, 0).images, chosen)
