"""`tokens.toml` is changed by the line, and is nobody else's."""

import os
from pathlib import Path

import pytest

from modelhub_cli.failures import Failed
from modelhub_cli.token_file import NAME, forget_token, keep_token, token_for, with_token, without_token

REGISTRY = "https://models.example.org"


def test_a_token_is_kept_for_its_origin_and_no_other(tmp_path: Path) -> None:
    keep_token(tmp_path, f"{REGISTRY}/some/path", "mhr_a")
    assert token_for(tmp_path, REGISTRY) == "mhr_a"
    assert token_for(tmp_path, f"{REGISTRY}:8443") is None
    assert token_for(tmp_path, "http://models.example.org") is None
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_a_new_token_replaces_the_old_one_and_leaves_the_rest_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text(
        '# mine\n"https://models.example.org" = "old"\n\'https://hub.example.org\' = "hf"  # kept\n'
    )
    path.chmod(0o600)
    keep_token(tmp_path, REGISTRY, "new")
    assert path.read_text() == (
        '# mine\n\'https://hub.example.org\' = "hf"  # kept\n"https://models.example.org" = "new"\n'
    )
    assert forget_token(tmp_path, REGISTRY)
    assert not forget_token(tmp_path, REGISTRY)
    assert token_for(tmp_path, "https://hub.example.org") == "hf"


def test_a_token_with_quotes_is_read_back_as_it_is(tmp_path: Path) -> None:
    keep_token(tmp_path, REGISTRY, 'a"b\\c')
    assert token_for(tmp_path, REGISTRY) == 'a"b\\c'


def test_a_text_without_a_newline_at_its_end_gets_one() -> None:
    assert with_token('"https://a.example" = "x"', REGISTRY, "t").count("\n") == 2
    assert without_token("no line of ours\n", REGISTRY) == "no line of ours\n"


def test_a_file_that_others_may_read_is_neither_used_nor_written(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text(f'"{REGISTRY}" = "x"\n')
    path.chmod(0o644)
    with pytest.raises(Failed, match="open to other users"):
        token_for(tmp_path, REGISTRY)
    with pytest.raises(Failed, match="open to other users"):
        keep_token(tmp_path, REGISTRY, "y")
    assert "y" not in path.read_text().split('"')


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(f'"{REGISTRY}" = "x"\n')
    (tmp_path / "elsewhere").chmod(0o600)
    os.symlink(tmp_path / "elsewhere", tmp_path / NAME)
    with pytest.raises(Failed, match="cannot be read"):
        token_for(tmp_path, REGISTRY)


def test_what_is_not_toml_is_said_without_showing_any_of_it(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text('secret-word = = "x"\n')
    path.chmod(0o600)
    with pytest.raises(Failed) as failed:
        token_for(tmp_path, REGISTRY)
    assert "secret-word" not in str(failed.value)
