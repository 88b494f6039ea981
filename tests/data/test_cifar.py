import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganpipe.common.errors import UserError
from ganpipe.data.archives import ArchiveError
from ganpipe.data.cifar import batches_from_sprites, read_batches


def test_labels_and_colour_planes_are_read_in_order(tmp_path: Path) -> None:
    records = np.zeros((4, 3073), dtype=np.uint8)
    records[:, 0] = [7, 0, 9, 1]
    records[:, 1:1025], records[:, 1025:2049], records[:, 2049:] = 10, 20, 30
    records[0, 1 + 5] = 99  # red, first row, sixth column
    for part, name in ((records[:3], "a.bin"), (records[3:], "b.bin")):
        part.tofile(tmp_path / name)
    images, labels = read_batches([tmp_path / "a.bin", tmp_path / "b.bin"])
    assert images.shape == (4, 3, 32, 32)
    assert labels.tolist() == [7, 0, 9, 1]
    assert images[1:].mean(axis=(0, 2, 3)).tolist() == [10, 20, 30]
    assert images[0, 0, 0, 5] == 99


@pytest.mark.parametrize("size", [0, 3072, 3074])
def test_a_truncated_batch_file_is_rejected_by_name(size: int, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(size))
    with pytest.raises(UserError, match=r"a\.bin"):
        read_batches([tmp_path / "a.bin"])


def test_sprite_sheets_are_converted_to_batch_files(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (10_000, 32, 32, 3), dtype=np.uint8)
    labels = random.integers(0, 10, 50_000)
    sprites = tmp_path / "sprites"
    sprites.mkdir()
    sprite = Image.fromarray(pixels.reshape(10_000, 1024, 3))
    sprite.save(sprites / "test_batch.png", compress_level=0)
    for batch in range(1, 6):
        (sprites / f"data_batch_{batch}.png").symlink_to(sprites / "test_batch.png")
    (sprites / "train_lables.json").write_text(json.dumps(labels.tolist()))
    (sprites / "test_lables.json").write_text(json.dumps(labels[:10_000].tolist()))
    batches_from_sprites(sprites, tmp_path)
    images, found = read_batches([tmp_path / f"data_batch_{batch}.bin" for batch in range(1, 6)])
    assert found.tolist() == labels.tolist()
    assert np.array_equal(images[20_000:30_000].transpose(0, 2, 3, 1), pixels)
    assert (
        hashlib.md5((tmp_path / "test_batch.bin").read_bytes()).hexdigest()
        == hashlib.md5((tmp_path / "data_batch_1.bin").read_bytes()).hexdigest()
    )


@pytest.mark.parametrize("labels", [None, "{", "[1, 2]", '{"a": 1}', "[300]"])
def test_a_package_with_another_content_is_rejected(labels: str | None, tmp_path: Path) -> None:
    if labels is not None:
        for name in ("train", "test"):
            (tmp_path / f"{name}_lables.json").write_text(labels)
    Image.fromarray(np.zeros((10_000, 1024, 3), dtype=np.uint8)).save(tmp_path / "data_batch_1.png")
    with pytest.raises(ArchiveError, match="not CIFAR-10"):
        batches_from_sprites(tmp_path, tmp_path)
