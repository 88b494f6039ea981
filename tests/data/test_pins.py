import struct
from pathlib import Path

import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.data import download
from ganpipe.data.pins import Mirrors, Pin, pinned_names, read_contents, read_pin, write_contents
from tests.data.conftest import small_pin

DATA = Path(__file__).parents[2] / "data"


def test_the_pinned_datasets() -> None:
    assert pinned_names(DATA) == ["cifar10", "emnist-letters", "fashion-mnist", "kmnist", "mnist"]


@pytest.mark.parametrize("name", pinned_names(DATA))
def test_every_pin_agrees_with_torchvision(name: str) -> None:
    import torchvision.datasets

    pin = read_pin(DATA, name)
    source = pin.sources[0]
    assert isinstance(source, Mirrors)
    torchvision_class = getattr(torchvision.datasets, source.dataset)
    addresses = (
        [torchvision_class.url.rsplit("/", 1)[0] + "/"]
        if hasattr(torchvision_class, "url")
        else torchvision_class.mirrors
    )
    assert download.mirrors(source.dataset) == addresses
    if pin.layout.kind == "idx" and pin.archive is None:
        resources = dict(torchvision_class.resources)
        assert set(source.files) == set(resources)
        for file, md5 in resources.items():
            assert file.removesuffix(".gz") in pin.files or pin.files[file].md5 == md5
    if name == "emnist-letters":
        assert pin.archive is not None
        assert pin.archive.md5 == torchvision_class.md5
    expected = {"emnist-letters": list("abcdefghijklmnopqrstuvwxyz"), "mnist": [str(digit) for digit in range(10)]}
    classes = expected.get(name) or getattr(torchvision_class, "classes", None)
    assert classes is None or list(pin.classes) == classes


@pytest.mark.parametrize(("name", "count"), [("mnist", 70_000), ("fashion-mnist", 70_000)])
def test_file_sizes_match_the_format(name: str, count: int) -> None:
    sizes = sum(file.bytes or 0 for file in read_pin(DATA, name).files.values())
    headers = 2 * (struct.calcsize(">4I") + struct.calcsize(">2I"))
    assert sizes == count * (28 * 28 + 1) + headers


def test_no_pin_contains_an_address() -> None:
    assert not [path.name for path in DATA.iterdir() if "://" in path.read_text().replace("https://creative", "")]


def test_an_unknown_name_lists_the_available_names(tmp_path: Path) -> None:
    (tmp_path / "mnist.yaml").write_text("")
    with pytest.raises(UserError, match=r"'mnits'.*one of: mnist;"):
        read_pin(tmp_path, "mnits")


def test_all_problems_of_a_pin_are_reported_together(tmp_path: Path) -> None:
    values = small_pin({"a": b"1"}, layout={"kind": "idx"}).model_dump(mode="json")
    values["files"]["../out"] = {"md5": "x"}
    values["licence"] = None
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(UserError) as error:
        read_pin(tmp_path, "bad")
    assert "licence" in str(error.value)
    assert "../out" in str(error.value)


@pytest.mark.parametrize("text", ["a: [", "", "- 1"])
def test_a_malformed_pin_is_a_user_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(UserError, match=r"bad\.yaml"):
        read_pin(tmp_path, "bad")


def test_a_file_needs_a_checksum_unless_its_archive_has_one() -> None:
    with pytest.raises(ValueError, match="needs md5 and bytes"):
        small_pin({"a": b"1"}, layout={"kind": "idx"}, files={"a": {}})
    archive = {"name": "all.zip", "md5": "0" * 32, "bytes": 5}
    pin = small_pin({}, layout={"kind": "idx"}, files={"a": {}}, archive=archive)
    assert list(pin.checksums) == ["all.zip"]


def test_a_layout_with_unlisted_files_is_rejected() -> None:
    with pytest.raises(ValueError, match="train-images"):
        small_pin({"a": b"1"})


def test_the_digest_does_not_depend_on_the_sources(raw_files: dict[str, bytes]) -> None:
    pin = small_pin(raw_files)
    fewer = Pin.model_validate(pin.model_dump() | {"sources": pin.sources[1:]})
    assert pin.digest == fewer.digest
    assert pin.digest != Pin.model_validate(pin.model_dump() | {"classes": ["0"]}).digest


def test_contents_survive_writing_and_reading(raw_files: dict[str, bytes], tmp_path: Path) -> None:
    pin = small_pin(raw_files)
    write_contents(tmp_path, pin.contents)
    assert read_contents(tmp_path) == pin.contents
    assert "sources" not in (tmp_path / "contents.json").read_text()


def test_missing_or_damaged_contents_are_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="missing"):
        read_contents(tmp_path)
    (tmp_path / "contents.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        read_contents(tmp_path)
