"""What the client's page says of its versions and of what is public."""

import inspect
import re
from importlib.metadata import version
from pathlib import Path

import modelhub_client
from modelhub_client import ClientError
from modelhubd import __version__

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "clients/python/README.md").read_text(encoding="utf-8")
SEMANTIC = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


def test_the_version_is_a_semantic_one_and_the_package_has_it() -> None:
    assert SEMANTIC.fullmatch(__version__)
    assert version("modelhubd") == __version__


def test_the_changelog_tells_of_this_version_or_of_what_is_to_become_it() -> None:
    told = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    released = [name for name in told if name != "Unreleased"]
    assert told.index("Unreleased") == 0 if "Unreleased" in told else released
    assert all(SEMANTIC.fullmatch(name) for name in released)
    assert not released or released[0] == __version__


def test_the_page_names_every_error_that_is_public_and_none_that_is_not() -> None:
    section = PAGE.split("## Errors")[1].split("\n## ")[0]
    named = {name for name in re.findall(r"`(\w+)`", section) if name[0].isupper()}
    public = {
        name
        for name in modelhub_client.__all__
        if inspect.isclass(found := getattr(modelhub_client, name)) and issubclass(found, ClientError)
    }
    assert named == public
