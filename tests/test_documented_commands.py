"""Every documented command exists: its program, its subcommand, its options and its files."""

import logging
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
import yaml

from ganpipe.__main__ import COMMANDS, build_parser
from ganpipe.plan.presets import preset_names
from tests.conftest import REPOSITORY

DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:make|dvc|ganpipe|python -m ganpipe|mlflow) [^`]+)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
ASSIGNMENT = re.compile(r"[A-Z_]+=")


def commands_of(text: str) -> Iterator[str]:
    """Yield the commands of fenced blocks, one per line (or several joined by a backslash), and those in sentences."""
    for block in BLOCK.findall(text):
        yield from (line for line in block.replace("\\\n", " ").splitlines() if shlex.split(line, comments=True))
    yield from INLINE.findall(text)


def examples() -> Iterator[tuple[str, str]]:
    for name in COMMANDS:
        module = __import__(f"ganpipe.cli.{name}", fromlist=["EXAMPLES"])
        yield from ((f"cli/{name}.py", example) for example in module.EXAMPLES)


DOCUMENTED = sorted(
    {(path.name, command) for path in DOCUMENTS for command in commands_of(path.read_text())} | set(examples())
)


@pytest.mark.parametrize(("document", "command"), DOCUMENTED)
def test_documented_command_exists(document: str, command: str) -> None:
    check(command)


@pytest.mark.parametrize(
    "command",
    [
        "make rpro",
        "python -m ganpipe sampel -o x.png",
        "python -m ganpipe sample --sed 3 -o x.png",
        "python -m ganpipe preset stdy",
        "ganpipe sampel -o x.png",
        "ganpipe sample --sed 3 -o x.png",
        "ganpipe preset stdy",
        "ganpipe sampel --help",
        "ganpipe sample --version",
        "python benchmarks/trainings.py",
        "dvc expp run",
        "dvc exp run -S trian.lr=0.1",
        "dvc exp run -S experiments.e01-lsgan.lr=0.1",
        "mlflow models srve -m x",
        "mlflow models serve --prot 5",
        "curl http://example.org/invocations",
        "gantool plan",
        "git clown x",
        "git clone x && make rpro",
        "ray begin --head",
    ],
)
def test_unknown_command_is_detected(command: str) -> None:
    with pytest.raises((AssertionError, SystemExit, click.ClickException)):
        check(command)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_have_targets(path: Path) -> None:
    for target in LINK.findall(path.read_text()):
        assert (path.parent / target).exists(), target


def check(command: str) -> None:
    """Raise if the command is invalid. Only parsers run."""
    words = shlex.split(command, comments=True)
    if "&&" in words:
        for part in shlex.join(words).split(" '&&' "):
            check(part)
        return
    while words and (ASSIGNMENT.match(words[0]) or words[0] == "export"):
        words = words[1:]
    if not words:
        return
    program, arguments = words[0], words[1:]
    assert program in CHECKS, f"no check for {program}: add one here"
    CHECKS[program](arguments)


def check_make(arguments: list[str]) -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = {name for line in re.findall(r"^([a-z -]+):", makefile, re.MULTILINE) for name in line.split()}
    assert {word for word in arguments if not ASSIGNMENT.match(word)} <= targets, arguments


def check_python(arguments: list[str]) -> None:
    if arguments[:2] == ["-m", "ganpipe"]:
        check_ganpipe(arguments[2:])
    elif arguments[0] == "-m":
        assert find_spec(arguments[1]), arguments[1]
    else:
        assert (REPOSITORY / arguments[0]).is_file(), arguments[0]


def check_ganpipe(arguments: list[str]) -> None:
    if arguments in (["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)):
        return
    parsed = build_parser().parse_args(arguments)
    if arguments[0] == "preset":
        assert parsed.name in preset_names(REPOSITORY / "presets")


def check_dvc(arguments: list[str]) -> None:
    from dvc.cli import DvcParserError, parse_args

    logging.disable(logging.CRITICAL)  # DVC's handler may write to the closed stderr of an earlier test
    try:
        parsed = parse_args(arguments)
    except DvcParserError as error:
        raise AssertionError(f"dvc {arguments}") from error
    finally:
        logging.disable(logging.NOTSET)
    for override in getattr(parsed, "set_param", None) or []:
        name = override.partition("=")[0]
        branch = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
        *parents, last = name.lstrip("+").split(".")
        for key in parents:
            assert key in branch, f"{override}: params.yaml has no {key}"
            branch = branch[key]
        assert name.startswith("+") or last in branch, f"{override}: a new key needs a +"


def check_mlflow(arguments: list[str]) -> None:
    from mlflow.cli import cli

    command: click.Command = cli
    while isinstance(command, click.Group):
        name, *arguments = arguments
        assert name in command.commands, name
        command = command.commands[name]
    command.make_context(name, arguments)


def check_curl(arguments: list[str]) -> None:
    """Documented requests go to local servers only."""
    assert any(re.match(r"http://(127\.0\.0\.1|localhost):\d+/", word) for word in arguments), arguments


def check_git(arguments: list[str]) -> None:
    known = subprocess.run(["git", "--list-cmds=main"], capture_output=True, text=True, check=True).stdout.split()
    assert arguments[0] in known, arguments


def check_ray(arguments: list[str]) -> None:
    """Ray is an optional extra and may not be installed: check against the options that its documentation lists."""
    options = {word for word in arguments if word.startswith("--")}
    assert arguments[0] == "start", arguments
    assert options <= {"--head", "--port", "--address", "--num-cpus", "--num-gpus", "--disable-usage-stats"}, options


def check_apt(arguments: list[str]) -> None:
    assert arguments == ["install", "postgresql"]


def check_cd(arguments: list[str]) -> None:
    assert len(arguments) == 1


def check_source(arguments: list[str]) -> None:
    assert arguments == [".venv/bin/activate"]


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "make": check_make,
    "python": check_python,
    "ganpipe": check_ganpipe,
    "dvc": check_dvc,
    "mlflow": check_mlflow,
    "curl": check_curl,
    "git": check_git,
    "ray": check_ray,
    "apt-get": check_apt,
    "cd": check_cd,
    "source": check_source,
}
