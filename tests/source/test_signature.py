"""Options are read from the signature of a class without importing it."""

from pathlib import Path
from textwrap import dedent

import pytest
from pydantic import ValidationError

from ganpipe.source.index import Index
from ganpipe.source.signature import constant, options_model


def index_of(tmp_path: Path, source: str) -> Index:
    folder = tmp_path / "pkg"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "net.py").write_text(dedent(source))
    return Index(folder)


SOURCE = """
    import does_not_exist

    SIZES = (16, 28)

    class Net:
        def __init__(self, image, *, width: Count = 64, norm: Norm = "batch", hidden: Widths = (8, 4),
                     mode: Literal["a", "b"] = "a", limit: Positive | None = None, flag: bool = False):
            pass
"""


def test_options_have_the_defaults_and_types_of_the_signature(tmp_path: Path) -> None:
    model = options_model(index_of(tmp_path, SOURCE), "net", "Net")
    assert model().model_dump() == {
        "width": 64,
        "norm": "batch",
        "hidden": (8, 4),
        "mode": "a",
        "limit": None,
        "flag": False,
    }
    assert model(width=3, limit=0.5).model_dump()["limit"] == 0.5


@pytest.mark.parametrize(
    "wrong",
    [{"width": 0}, {"norm": "btach"}, {"hidden": []}, {"mode": "c"}, {"limit": -1}, {"widht": 3}, {"flag": "x"}],
)
def test_invalid_options_are_rejected(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        options_model(index_of(tmp_path, SOURCE), "net", "Net")(**wrong)


@pytest.mark.parametrize("option", ["width=64", "width: Count", "width: list[Count] = 3", "width: Nowhere = 3"])
def test_unsupported_signature_raises_type_error(tmp_path: Path, option: str) -> None:
    source = f"class Net:\n    def __init__(self, *, {option}):\n        pass\n"
    with pytest.raises(TypeError, match=r"width|type"):
        options_model(index_of(tmp_path, source), "net", "Net")


def test_constant_is_none_if_undefined(tmp_path: Path) -> None:
    index = index_of(tmp_path, SOURCE)
    assert constant(index, "net", "SIZES") == (16, 28)
    assert constant(index, "net", "MISSING") is None
