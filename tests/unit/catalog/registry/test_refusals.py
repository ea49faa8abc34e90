"""One code and one sentence for everything that can be wrong with a registry's catalog."""

import pytest
from tuf.api import exceptions
from tuf.api.serialization import DeserializationError

from modelhubd.catalog.registry.address import base_of, fault_in_address, is_reachable
from modelhubd.catalog.registry.refusals import REASONS, NotTaken, of_repository, of_status


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "not_allowed"), (403, "not_allowed"), (302, "redirected"), (304, "redirected"),
     (500, "http_error"), (404, "http_error"), (204, "http_error")],
)  # fmt: skip
def test_a_status_is_told_by_what_to_do_about_it(status: int, code: str) -> None:
    assert of_status(status).code == code


def test_a_registry_that_says_when_to_come_again_is_remembered() -> None:
    assert of_status(503, 30).retry_after_s == 30


@pytest.mark.parametrize(
    ("error", "role", "first", "code"),
    [
        (DeserializationError("x"), "targets", False, "bad_metadata"),
        (exceptions.UnsignedMetadataError("x"), "root", False, "wrong_root"),
        (exceptions.UnsignedMetadataError("x"), "timestamp", True, "wrong_root"),
        (exceptions.UnsignedMetadataError("x"), "timestamp", False, "bad_signature"),
        (exceptions.UnsignedMetadataError("x"), "targets", True, "bad_signature"),
        (exceptions.ExpiredMetadataError("Final root.json is expired"), "timestamp", False, "expired"),
        (exceptions.ExpiredMetadataError("timestamp.json is expired"), "timestamp", False, "expired"),
        (exceptions.BadVersionNumberError("x"), "root", False, "rolled_back"),
        (exceptions.BadVersionNumberError("x"), "timestamp", False, "rolled_back"),
        (exceptions.BadVersionNumberError("x"), "snapshot", False, "mixed"),
        (exceptions.LengthOrHashMismatchError("x"), "target", False, "mixed"),
        (exceptions.DownloadLengthMismatchError("x"), "target", False, "oversized"),
        (exceptions.RepositoryError("x"), "snapshot", False, "bad_metadata"),
    ],
)
def test_what_tuf_says_is_told_by_its_meaning(error: Exception, role: str, first: bool, code: str) -> None:
    found = of_repository(error, role, first=first)
    assert found.code == code
    assert "{" not in found.detail


def test_an_expired_root_is_not_called_an_expired_timestamp() -> None:
    found = of_repository(
        exceptions.ExpiredMetadataError("Final root.json is expired"), "timestamp", first=False
    )
    assert "root has expired" in found.detail


def test_every_reason_is_a_sentence_that_says_what_to_do() -> None:
    for code in REASONS:
        detail = NotTaken(code, "something").detail
        assert detail
        assert "{" not in detail


@pytest.mark.parametrize(
    "url",
    [
        "https://models.example.org", "https://models.example.org:8443/registry", "https://10.1.2.3",
        "http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:1", "http://inside.example:80",
    ],
)  # fmt: skip
def test_an_address_that_the_owner_names_may_be_private_and_on_any_port(url: str) -> None:
    assert fault_in_address(url, ("http://inside.example",)) is None
    assert is_reachable(url, ("http://inside.example",))


@pytest.mark.parametrize(
    "url",
    [
        "", "models.example.org", "http://models.example.org", "http://10.1.2.3", "file:///etc", "http://127.0.0.2.x",
        "https://a:b@models.example.org", "https://models.example.org/?a", "https://models.example.org/../x",
        "https://models.example.org/#a", "https://models.example.org:port",
    ],
)  # fmt: skip
def test_an_address_that_leaks_or_is_none_is_refused(url: str) -> None:
    assert fault_in_address(url, ()) is not None
    assert not is_reachable(url, ())


def test_paths_are_put_after_an_address_without_a_doubled_slash() -> None:
    assert base_of("https://models.example.org/r/") == "https://models.example.org/r"
