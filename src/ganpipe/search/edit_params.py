"""Change values of params.yaml and keep everything else as it is, comments and layout included.

Libraries that preserve comments (ruamel.yaml) still requote and reflow the rest of the file.
"""

import copy
from collections.abc import Mapping
from typing import Any

import yaml

from ganpipe.common.errors import UserError

Keys = tuple[str, str]
"""A section of the file, and a key in it: `("grid", "seeds")`."""


def with_values(text: str, changes: Mapping[Keys, Any]) -> str:
    """Return the text of params.yaml with these values; a missing key is added at the top of its section.

    Raises UserError if the file is written in a way that cannot be edited, such as with anchors.
    """
    expected = copy.deepcopy(yaml.safe_load(text))
    for (section, key), value in changes.items():
        expected[section] = {**(expected.get(section) or {}), key: value}
    try:
        for path, value in changes.items():
            text = _with_value(text, path, value)
        edited = yaml.safe_load(text)
    except yaml.YAMLError:
        edited = None
    if edited != expected:
        raise UserError("params.yaml: could not be edited automatically. Copy the settings printed above into it.")
    return text


def as_yaml(changes: Mapping[Keys, Any]) -> str:
    """Return changes as sections of YAML for people to copy."""
    sections: dict[str, dict[str, Any]] = {}
    for (section, key), value in changes.items():
        sections.setdefault(section, {})[key] = value
    return yaml.safe_dump(sections, sort_keys=False, allow_unicode=True, default_flow_style=None, width=10_000).rstrip()


def _with_value(text: str, keys: Keys, value: Any) -> str:
    section, key = keys
    sections = _pairs(yaml.compose(text, Loader=yaml.SafeLoader))
    if section not in sections:
        return f"{text.rstrip()}\n\n{section}: {_flow({key: value})}\n"
    name, node = sections[section]
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        content = yaml.safe_load(text[node.start_mark.index : node.end_mark.index]) or {}
        return _replaced(text, name, node, {**content, key: value})
    settings = _pairs(node)
    if key in settings:
        return _replaced(text, *settings[key], value)
    indent = settings[next(iter(settings))][0].start_mark.column
    below = text.index("\n", name.end_mark.index) + 1
    return f"{text[:below]}{' ' * indent}{key}: {_flow(value)}\n{text[below:]}"


def _pairs(node: yaml.Node | None) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """Return key -> the nodes of the key and of its value."""
    entries = node.value if isinstance(node, yaml.MappingNode) else []
    return {key.value: (key, value) for key, value in entries}


def _replaced(text: str, key: yaml.Node, node: yaml.Node, value: Any) -> str:
    """Return the text with another value of a key. It moves to the key's line unless a comment is between them."""
    colon = text.index(":", key.end_mark.index) + 1
    between = text[colon : node.start_mark.index]
    if "\n" in between:  # a block; in its column, which may be that of the key, a flow value would be invalid
        between = f"{between}  " if between.strip() else " "
    return text[:colon] + between + _flow(value) + text[_end(node) :]


def _end(node: yaml.Node) -> int:
    """Return the end of a value; that of a block collection includes the line breaks and comments that follow it."""
    end = node.end_mark.index
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
        return _end(last)
    return end


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return text.removesuffix("\n...\n").rstrip("\n")
