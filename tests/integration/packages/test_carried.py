"""A machine online makes a bundle with the registry's catalog; one without a network installs and runs it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelhubd.trust.signing import new_key, public_of
from modelhubd.wire.bundles import MANIFEST, SIGNATURE, TUF
from modelhubd.wire.servers import LoadSettings
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import write_chat
from tests.fakes.tuf_registry import TufRegistry
from tests.integration.packages.world import (
    change_manifest,
    ended,
    entry_of,
    installed,
    registered,
    stopped_at_the_end,
    types,
    until,
)
from tests.running import RunningDaemon

CHAT = "acme/chat"


@dataclass(frozen=True, kw_only=True)
class Story:
    registry: TufRegistry
    online: RunningDaemon
    away: RunningDaemon
    folder: Path
    key: bytes
    key_file: Path

    @property
    def bundle(self) -> Path:
        return self.folder / "stick" / "kit"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """One machine that reaches registry and origin, and one that reaches nothing."""
    from modelhub_cli.authoring.key_files import write_key

    folder = tmp_path_factory.mktemp("carried")
    (folder / "files").mkdir()
    (folder / "stick").mkdir()
    chat = write_chat(folder / "files" / "chat.gguf").read_bytes()
    key, _ = new_key()
    write_key(folder / "publisher.pem", key)
    with Origin("--directory", str(folder / "files")) as origin, TufRegistry() as registry:
        registry.contents.entries = [entry_of(CHAT, {"chat.gguf": chat}, origin.url)]
        registry.release()
        online = registered(folder / "online", registry, MODELHUB_DOWNLOADS_ALLOW_ORIGINS=origin.url)
        away = registered(
            folder / "away",
            registry,
            MODELHUB_CATALOG_REGISTRY_URL="http://127.0.0.1:9",
            MODELHUB_POLICY_OFFLINE="true",
            MODELHUB_LIBRARY_BUNDLE_KEYS=public_of(key).hex(),
        )
        with stopped_at_the_end(online, away):
            online.start()
            away.start()
            assert online.client.sync_catalog(wait=True).last_error is None
            download = online.client.create_download(CHAT, force=True)
            until(lambda: online.client.download(download.id), lambda found: found.state == "completed")
            yield Story(
                registry=registry, online=online, away=away, folder=folder, key=key,
                key_file=folder / "publisher.pem",
            )  # fmt: skip


@pytest.mark.timeout(180)
def test_a_bundle_is_made_carried_verified_installed_and_run_without_a_network(story: Story) -> None:
    made = types(
        story.online, "bundle", "create", str(story.bundle), CHAT, "--with-catalog",
        "--sign", str(story.key_file), "--json",
    )  # fmt: skip
    assert json.loads(made.splitlines()[-2])["name"] == "kit"
    names = {path.relative_to(story.bundle).as_posix() for path in story.bundle.rglob("*") if path.is_file()}
    assert names >= {
        MANIFEST,
        SIGNATURE,
        "acme/chat/1/gguf/chat.gguf",
        f"{TUF}/1.root.json",
        f"{TUF}/timestamp.json",
        f"{TUF}/catalog.json.gz",
    }
    # Nothing is known there before, and nothing is taken on the way.
    info = story.away.client.catalog_info()
    assert (info.source, installed(story.away)) == ("floor", {})
    said = types(story.away, "bundle", "verify", str(story.bundle))
    for what in ("manifest", "files", "signature", "catalog", f"{CHAT}@1:gguf"):
        assert [line for line in said.splitlines() if what in line and "good" in line], said
    assert story.away.client.catalog_info().source == "floor"

    assert "Installed from kit: 1 model." in types(story.away, "bundle", "install", str(story.bundle))
    assert installed(story.away) == {f"{CHAT}@1:gguf": "bundle"}
    (artifact,) = story.away.client.library().items
    assert artifact.verified_at is not None
    info = story.away.client.catalog_info()
    assert (info.source, info.revision) == ("registry", "1")
    assert info.audit is not None and info.audit.size == len(story.registry.log)
    server = story.away.client.load(CHAT, LoadSettings(ctx=512))
    assert server.state == "ready"
    assert not story.away.client.status().outbound
    assert not list((story.away.home / "models").glob(".bundles/*"))
    story.away.client.unload(server.id)

    again = types(story.away, "bundle", "install", str(story.bundle))
    assert "In the library already, so not taken from kit: 1." in again, "that is no fault"
    assert "Installed" not in again
    types(story.online, "bundle", "create", str(story.bundle), CHAT, code=5)


def test_what_is_installed_from_a_bundle_is_vouched_for_after_a_restart(story: Story) -> None:
    if CHAT not in {item.model for item in story.away.client.library().items}:
        pytest.skip("the story has not got so far")
    story.away.stop()
    story.away.start()
    info = story.away.client.catalog_info()
    assert (info.source, info.revision) == ("registry", "1")
    standing = story.away.client.governance_check([CHAT]).items[0]
    assert (standing.code.value, standing.allowed) == ("approved", True)
    assert installed(story.away) == {f"{CHAT}@1:gguf": "bundle"}


def copy_of(story: Story, name: str) -> Path:
    """A bundle of its own to spoil; made once more, as the story's may not be there."""
    path = story.folder / name
    job = story.online.client.create_bundle(path, [CHAT], name="kit", with_catalog=True)
    assert ended(story.online, job).state == "completed"
    return path


def test_a_machine_takes_no_bundle_that_its_root_does_not_vouch_for(story: Story) -> None:
    """One daemon that never saw the registry, and bundles that are wrong in one way each."""
    lonely = registered(
        story.folder / "lonely", story.registry, MODELHUB_CATALOG_REGISTRY_URL="http://127.0.0.1:9"
    )
    with stopped_at_the_end(lonely), TufRegistry() as other:
        lonely.start()

        def refused(path: Path) -> tuple[str, str]:
            job = ended(lonely, lonely.client.install_bundle(path))
            assert job.error is not None, path
            assert installed(lonely) == {}
            return job.error.code, job.error.detail

        without = copy_of(story, "without")
        for path in (without / TUF).iterdir():
            path.unlink()
        assert refused(without)[0] == "bad_catalog"

        foreign = copy_of(story, "foreign")
        other.contents.entries = story.registry.contents.entries
        other.release()
        (foreign / TUF / "timestamp.json").write_bytes(other.files["timestamp.json"])
        assert refused(foreign)[0] == "bad_catalog"

        renamed = copy_of(story, "renamed")
        change_manifest(renamed, lambda document: document["entries"][0].update(version=2))
        change_manifest(renamed, lambda document: document["models"][0].update(version=2))
        (renamed / CHAT / "1").rename(renamed / CHAT / "2")
        assert refused(renamed)[0] == "not_approved"

        lying = copy_of(story, "lying")
        file = lying / CHAT / "1/gguf/chat.gguf"
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
        code, detail = refused(lying)
        assert code == "bad_bundle" and "SHA-256 differs" in detail

        swapped = copy_of(story, "swapped")
        (swapped / CHAT / "1/gguf/chat.gguf").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        change_manifest(
            swapped,
            lambda document: document["entries"][0]["options"][0]["files"][0].update(sha256=digest),
        )
        code, detail = refused(swapped)
        assert code == "not_approved" and "promises other files" in detail
        assert lonely.client.catalog_info().source == "registry", "its catalog was good, the model was not"


def test_an_older_catalog_in_a_bundle_is_no_way_back(story: Story) -> None:
    """A machine begins with the bundle's catalog, goes on with the registry's, and does not go back: a model
    that was withdrawn meanwhile is not installed from the bundle again."""
    machine = registered(story.folder / "newer", story.registry)
    registry = story.registry
    with stopped_at_the_end(machine):
        old = copy_of(story, "old")
        kept = list(registry.contents.entries)
        with registry.away():
            machine.start()
            assert ended(machine, machine.client.install_bundle(old)).state == "completed"
            assert machine.client.catalog_info().revision == "1"
        registry.contents.entries = []
        registry.contents.tombstones = [
            {"id": CHAT, "withdrawn_at": "2026-03-01T12:00:00Z", "reason": "it lies"}
        ]
        registry.release()
        try:
            info = machine.client.sync_catalog(wait=True)
            assert (info.revision, info.last_error) == ("2", None)
            assert info.audit is not None and (info.audit.size, info.audit.alarm) == (len(registry.log), None)
            (artifact,) = machine.client.library().items
            assert artifact.withdrawn == "it lies"
            machine.client.remove(artifact.id)
            job = ended(machine, machine.client.install_bundle(old))
            assert job.error is not None and job.error.code == "not_approved"
            assert machine.client.catalog_info().revision == "2"
            assert installed(machine) == {}
        finally:
            registry.contents.entries, registry.contents.tombstones = kept, []


def test_a_signature_is_checked_by_the_key_that_is_named(story: Story) -> None:
    signed = copy_of(story, "signed")
    types(story.online, "bundle", "sign", str(signed), "--key", str(story.key_file))
    right, wrong = public_of(story.key).hex(), new_key()[1].hex()
    assert "good" in types(story.online, "bundle", "verify", str(signed), "--key", right)
    assert "no key that is trusted" in types(
        story.online, "bundle", "verify", str(signed), "--key", wrong, code=8
    )
    types(story.online, "bundle", "sign", str(signed), "--key", str(story.key_file), code=5)
    change_manifest(signed, lambda document: document.update(created_at="later"))
    assert "another manifest" in types(story.online, "bundle", "verify", str(signed), "--key", right, code=8)
    job = ended(story.online, story.online.client.install_bundle(signed, key=right))
    assert job.error is not None and job.error.code == "bad_bundle"
