import pytest
import torch

from ganpipe.objectives import augment

POLICIES = [augment.color, augment.translation, augment.cutout]
SIDE = 16


@pytest.fixture
def images():
    return torch.rand(64, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 1.8 - 0.9


@pytest.mark.parametrize("policy", POLICIES)
def test_random_parameters_come_from_the_global_generator(policy, images):
    torch.manual_seed(0)
    first, second = policy(images), policy(images)
    assert first.shape == images.shape
    assert not torch.equal(first, second)
    torch.manual_seed(0)
    assert torch.equal(policy(images), first)


@pytest.mark.parametrize("policy", POLICIES)
def test_gradients_reach_the_images(policy):
    images = torch.randn(3, 2, 8, 8, dtype=torch.float64, requires_grad=True)

    def seeded(batch):
        torch.manual_seed(1)
        return policy(batch)

    assert torch.autograd.gradcheck(seeded, (images,))


def test_translation_shifts_each_image_by_whole_pixels_within_its_reach(images):
    torch.manual_seed(0)
    shifted = augment.translation(images)
    reach = SIDE // 8
    padded = torch.nn.functional.pad(images, [reach] * 4)
    shifts = []
    for before, after in zip(padded, shifted, strict=True):
        windows = [
            (down, right)
            for down in range(2 * reach + 1)
            for right in range(2 * reach + 1)
            if torch.equal(before[:, down : down + SIDE, right : right + SIDE], after)
        ]
        assert len(windows) == 1
        shifts += windows
    for axis in (0, 1):
        assert {shift[axis] for shift in shifts} == set(range(2 * reach + 1))


def test_cutout_zeroes_one_rectangle_and_leaves_the_rest(images):
    torch.manual_seed(0)
    cut = augment.cutout(images)
    heights = set()
    for before, after in zip(images, cut, strict=True):
        hole = (after == 0).all(dim=0)
        assert torch.equal(after, before * ~hole)
        rows, columns = hole.any(dim=1), hole.any(dim=0)
        assert torch.equal(hole, rows[:, None] & columns)
        assert SIDE // 4 <= rows.sum() <= SIDE // 2
        heights.add(rows.sum().item())
    assert max(heights) == SIDE // 2


def test_color_changes_brightness_then_saturation_then_contrast(images):
    torch.manual_seed(0)
    changed = augment.color(images)
    torch.manual_seed(0)
    brightness, saturation, contrast = (torch.rand(64, 1, 1, 1) for _ in range(3))
    expected = images + brightness - 0.5
    grey = expected.mean(dim=1, keepdim=True)
    expected = (expected - grey) * 2 * saturation + grey
    mean = expected.mean(dim=(1, 2, 3), keepdim=True)
    expected = (expected - mean) * (0.5 + contrast) + mean
    torch.testing.assert_close(changed, expected)
