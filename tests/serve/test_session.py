from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganpipe.common.errors import UserError
from ganpipe.common.progress import counting, working
from ganpipe.serve import text
from ganpipe.serve.session import MOST_SEARCHED, GeneratorSession, arc
from tests.serve.conftest import TOLD, UNTOLD
from tests.terminal import terminal


@pytest.mark.parametrize("run", [TOLD, UNTOLD])
def test_a_seed_always_gives_the_same_images(workplace: Path, run: str) -> None:
    studio = GeneratorSession.open(run)
    first, again, other = studio.draw(9, None, 3), studio.draw(9, None, 3), studio.draw(9, None, 4)
    np.testing.assert_array_equal(first.images, again.images)
    assert (first.images != other.images).any()
    np.testing.assert_array_equal(first.images, studio.generator.sample(9, None, 3))
    assert first.sheet().shape == (3 * 30 + 2, 3 * 30 + 2, 1)


def test_a_told_generator_makes_the_class_that_is_asked_for(workplace: Path) -> None:
    studio = GeneratorSession.open(TOLD)
    sevens = studio.draw(4, "7", 3)
    np.testing.assert_array_equal(sevens.images, studio.generator.sample(4, np.full(4, 7), 3))
    assert sevens.search is None
    assert sevens.reading is not None
    share = text.percent(sevens.reading.share("7"))
    assert text.sentences(sevens)[-1] == f"{share} read as the class that was asked for."


def test_for_a_class_that_cannot_be_told_the_judge_chooses_and_it_is_said(workplace: Path) -> None:
    studio = GeneratorSession.open(UNTOLD)
    seen = studio.draw(250, None, 0).reading
    assert seen is not None
    name = seen.counts[0][0]
    with terminal(), working("search", unit=" images") as bar, counting(bar, studio.generator.network):
        found = studio.draw(5, name, 0)
    assert len(found.images) == 5
    assert found.reading is not None and found.reading.share(name) == 1
    assert found.search is not None and found.search.drawn == bar.n <= MOST_SEARCHED
    assert found.search.hits >= 5
    told = text.sentences(found)
    assert (
        f"the judge chose these 5 images, the first that it reads as {name}, from {found.search.drawn} drawn"
        in (told[0])
    )
    assert not any("asked for" in sentence for sentence in told)  # a share of what the judge itself chose means nothing
    np.testing.assert_array_equal(found.images, studio.draw(5, name, 0).images)


def test_a_search_goes_on_until_there_are_enough_and_never_draws_twice_the_same(workplace: Path) -> None:
    studio = GeneratorSession.open(UNTOLD)
    seen = studio.draw(250, None, 0).reading
    assert seen is not None
    found = studio.draw(256, seen.counts[0][0], 0)
    assert found.search is not None and found.search.drawn > 250
    assert len(np.unique(found.images, axis=0)) == 256


def test_a_class_that_never_comes_is_refused_after_a_bounded_search(workplace: Path) -> None:
    studio = GeneratorSession.open(UNTOLD)
    seen = studio.draw(250, None, 0).reading
    assert seen is not None
    never = next(name for name in studio.dataset.classes if name not in seen.names)
    with pytest.raises(UserError, match=f"the judge reads none of {MOST_SEARCHED} images as {never}: take a run"):
        studio.draw(5, never, 0)


def test_a_walk_joins_the_first_images_of_two_seeds(workplace: Path) -> None:
    studio = GeneratorSession.open(UNTOLD)
    walk = studio.walk(7, None, 3, 8)
    np.testing.assert_array_equal(walk.images[[0]], studio.draw(1, None, 3).images)
    np.testing.assert_array_equal(walk.images[[-1]], studio.draw(1, None, 8).images)
    whole = np.abs(walk.images[0].astype(int) - walk.images[-1]).sum()
    assert all(np.abs(a.astype(int) - b).sum() < whole for a, b in pairwise(walk.images))
    assert [one.name for one in walk.measures] == ["sharpness", "contrast"]


def test_a_walk_keeps_to_one_class(workplace: Path) -> None:
    told = GeneratorSession.open(TOLD)
    np.testing.assert_array_equal(told.walk(5, "7", 3, 8).images[0], told.generator.sample(1, np.array([7]), 3)[0])
    with pytest.raises(UserError, match="choose a class"):
        told.walk(5, None, 3, 8)
    with pytest.raises(UserError, match="leave the class out"):
        GeneratorSession.open(UNTOLD).walk(5, "7", 3, 8)


@pytest.mark.parametrize(
    ("count", "asked", "seed", "told"),
    [
        (0, None, 0, "0 images.*1 to 256"),
        (257, None, 0, "257 images.*1 to 256"),
        (1, None, -1, "seed -1"),
        (1, None, 2**32, "from 0 to 4294967295"),
        (1, "77", 0, r"no such class; did you mean 7\?"),
        (1, "frog", 0, "choose one of: 0, 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(workplace: Path, count: int, asked: str | None, seed: int, told: str) -> None:
    with pytest.raises(UserError, match=told):
        GeneratorSession.open(UNTOLD).draw(count, asked, seed)


def test_one_image_is_no_walk(workplace: Path) -> None:
    with pytest.raises(UserError, match="2 to 256"):
        GeneratorSession.open(UNTOLD).walk(1, None, 0, 1)


VECTORS = st.integers(0, 2**32 - 1).map(lambda seed: torch.randn(1, 12, generator=torch.Generator().manual_seed(seed)))


@given(VECTORS, VECTORS, st.integers(2, 20))
def test_an_arc_goes_in_equal_angles_and_keeps_the_lengths(first: torch.Tensor, last: torch.Tensor, count: int) -> None:
    way = arc(first, last, count)
    torch.testing.assert_close(way[[0]], first)
    torch.testing.assert_close(way[[-1]], last)
    unit = arc(first / first.norm(), last / last.norm(), count)
    torch.testing.assert_close(unit.norm(dim=1), torch.ones(count), atol=1e-3, rtol=0)
    cosines = (unit[1:] * unit[:-1]).sum(1)
    assert cosines.max() - cosines.min() < 1e-3


def test_an_arc_between_equal_vectors_stays() -> None:
    vector = torch.ones(1, 3)
    torch.testing.assert_close(arc(vector, vector, 4), vector.expand(4, 3))
