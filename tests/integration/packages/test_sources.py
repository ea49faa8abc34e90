"""Folders that applications and administrators provide: used where they are, and only while they are safe."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub_client import Conflict, NotFound
from modelhubd.trust.bundle_statements import sign_bundle
from modelhubd.trust.signing import new_key
from modelhubd.wire.bundles import MANIFEST, SIGNATURE, Source
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import LoadSettings
from tests.disks import disk_of
from tests.fakes.tiny_gguf import write_chat
from tests.integration.packages.world import ended, types, until, write_bundle
from tests.running import RunningDaemon

MODEL = b"the model"


class Administered(RunningDaemon):
    program = "tests.fakes.administered"

    def source(self, id: str) -> Source | None:
        return next((found for found in self.client.sources().items if found.id == id), None)

    def becomes(self, id: str, state: str) -> Source:
        def look() -> Source | None:
            return self.source(id)

        found = until(look, lambda source: source is not None and source.state.value == state)
        assert found is not None
        return found

    def of(self, id: str) -> dict[str, Artifact]:
        """What a source provides, by model."""
        return {item.model: item for item in self.client.library().items if item.managed == id}

    def checks(self, id: str) -> int:
        """How often files of the source were read."""
        return len(
            [job for job in self.client.jobs().items if job.kind == "source check" and job.model == id]
        )


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_chat(tmp_path_factory.mktemp("chat") / "m.gguf").read_bytes()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administered]:
    folder = tmp_path_factory.mktemp("machine")
    write_bundle(folder / "Configured App", {"acme/configured": MODEL})
    daemon = Administered(
        folder / "home",
        {
            "MODELHUB_MODELS_RESERVE_BYTES": "0",
            "MODELHUB_LIBRARY_BUNDLES": str(folder / "Configured App"),
        },
    )
    (folder / "home/config/packages.d").mkdir(parents=True)
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()


def test_an_applications_model_runs_from_where_it_is_and_comes_and_goes_with_it(
    machine: Administered, tmp_path: Path, chat: bytes
) -> None:
    bundle = write_bundle(tmp_path / "app", {"acme/app": chat})
    types(machine, "bundle", "add", str(bundle), "--app", "writer")
    assert machine.becomes("bundle:writer", "ok").models == ("acme/app@1:gguf",)
    artifact = machine.of("bundle:writer")["acme/app"]
    assert (artifact.state, artifact.digest) == ("ok", hashlib.sha256(chat).hexdigest())
    assert artifact.verified_at is not None and artifact.files[0].outside
    assert not (machine.home / "models/acme/app").exists()
    server = machine.client.load("acme/app", LoadSettings(ctx=512))
    assert server.state == "ready"
    machine.client.unload(server.id)
    with pytest.raises(Conflict) as refused:
        machine.client.remove(artifact.id)
    assert refused.value.code == "managed"
    assert (bundle / "acme/app/1/gguf/m.gguf").exists()
    assert machine.checks("bundle:writer") == 1

    bundle.rename(tmp_path / "uninstalled")
    machine.becomes("bundle:writer", "offline")
    assert machine.of("bundle:writer") == {}
    (tmp_path / "uninstalled").rename(bundle)
    machine.becomes("bundle:writer", "ok")
    until(lambda: machine.of("bundle:writer"))
    assert machine.checks("bundle:writer") == 1, "what has not changed is not read again"

    machine.stop()
    machine.start()
    machine.becomes("bundle:writer", "ok")
    assert set(machine.of("bundle:writer")) == {"acme/app"}
    assert machine.checks("bundle:writer") == 0, "nor after a restart"

    types(machine, "bundle", "remove", "writer")
    assert machine.source("bundle:writer") is None and machine.of("bundle:writer") == {}
    assert (bundle / "acme/app/1/gguf/m.gguf").read_bytes() == chat
    with pytest.raises(NotFound):
        machine.client.remove_source("bundle:writer")


def test_what_the_configuration_declares_is_not_an_applications_to_take_back(machine: Administered) -> None:
    machine.becomes("bundle:configured-app", "ok")
    assert set(machine.of("bundle:configured-app")) == {"acme/configured"}
    for attempt in (
        lambda: machine.client.remove_source("bundle:configured-app"),
        lambda: machine.client.add_source(machine.home, "configured-app"),
    ):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "declared_elsewhere"


def test_a_file_that_is_changed_takes_its_models_away(machine: Administered, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "app", {"acme/changing": MODEL})
    machine.client.add_source(bundle, "changing")
    machine.becomes("bundle:changing", "ok")
    file = bundle / "acme/changing/1/gguf/m.gguf"
    file.write_bytes(MODEL[::-1])
    (bundle / MANIFEST).touch()
    found = machine.becomes("bundle:changing", "refused")
    assert found.detail is not None and "SHA-256 differs" in found.detail
    assert machine.of("bundle:changing") == {}
    read = machine.checks("bundle:changing")
    machine.client.scan()
    assert machine.checks("bundle:changing") == read, "what is wrong is not read again and again"
    file.write_bytes(MODEL)
    (bundle / MANIFEST).touch()
    machine.becomes("bundle:changing", "ok")
    machine.client.remove_source("bundle:changing")


def test_a_folder_that_others_could_change_provides_nothing(machine: Administered, tmp_path: Path) -> None:
    """Each is refused with its reason, in the list, in the status and by `doctor`; mended, it counts."""
    above = tmp_path / "above"
    above.mkdir()
    bundle = write_bundle(above / "app", {"acme/open": MODEL})
    inner = bundle / "acme/open/1/gguf"
    machine.client.add_source(bundle, "open")
    machine.becomes("bundle:open", "ok")
    for path, mode, said in (
        (bundle, 0o777, "others can write to the folder"),
        (bundle, 0o775, "a group can write to the folder"),
        (above, 0o757, "others can write to"),
        (bundle / MANIFEST, 0o666, f"others can write to {MANIFEST}"),
        (inner, 0o757, "others can write to acme/open/1/gguf"),
        (inner / "m.gguf", 0o646, "others can write to acme/open/1/gguf/m.gguf"),
    ):
        if said.startswith("a group") and bundle.stat().st_gid == 0:
            os.chown(bundle, -1, 12345)
        before = path.stat().st_mode
        path.chmod(mode)
        machine.client.scan()
        found = machine.source("bundle:open")
        assert found is not None and found.state == "refused" and said in str(found.detail), said
        assert machine.of("bundle:open") == {}
        path.chmod(before)
    (inner / "x.gguf").symlink_to("/etc/passwd")
    machine.client.scan()
    found = machine.source("bundle:open")
    assert found is not None and "symbolic link" in str(found.detail)
    assert [said for said in machine.client.status().warnings if said.startswith("bundle:open provides no")]
    assert "bundle:open" in types(machine, "doctor", code=0)
    (inner / "x.gguf").unlink()
    (inner / "extra.gguf").write_bytes(b"not named")
    machine.client.scan()
    assert "does not name" in str(machine.client.sources().items)
    (inner / "extra.gguf").unlink()
    machine.client.scan()
    machine.becomes("bundle:open", "ok")
    machine.client.remove_source("bundle:open")


def test_a_model_file_that_is_a_link_is_not_followed(machine: Administered, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "app", {"acme/link": MODEL})
    file = bundle / "acme/link/1/gguf/m.gguf"
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    found = machine.client.add_source(bundle, "link")
    assert found.state == "refused" and "symbolic link" in str(found.detail)
    machine.client.remove_source("bundle:link")


def test_a_key_that_is_named_must_have_signed_the_bundle(machine: Administered, tmp_path: Path) -> None:
    import msgspec

    bundle = write_bundle(tmp_path / "app", {"acme/signed": MODEL})
    private, public = new_key()
    found = machine.client.add_source(bundle, "signed", key=public.hex())
    assert found.state == "refused" and "not signed" in str(found.detail)
    digest = hashlib.sha256((bundle / MANIFEST).read_bytes()).hexdigest()
    (bundle / SIGNATURE).write_bytes(msgspec.json.encode(sign_bundle("kit", digest, private)))
    machine.client.scan()
    found = machine.becomes("bundle:signed", "ok")
    assert found.signed
    found = machine.client.add_source(bundle, "signed", key=new_key()[1].hex())
    assert found.state == "refused" and "no key that is trusted" in str(found.detail)
    machine.client.remove_source("bundle:signed")


def test_an_administrators_share_is_offline_while_it_is_not_mounted(
    machine: Administered, tmp_path: Path
) -> None:
    share = tmp_path / "share"
    write_bundle(share / "models", {"acme/office": MODEL})
    drop_in = machine.home / "config/packages.d/office.json"
    drop_in.write_text(json.dumps({"path": str(share / "models")}))
    machine.becomes("package:office", "ok")
    assert machine.of("package:office")["acme/office"].state == "ok"
    assert "managed" in types(machine, "list", "acme/office")
    assert "bundle sources" in types(machine, "rm", "acme/office", "--yes", code=5)
    with pytest.raises(Conflict):
        machine.client.remove(machine.of("package:office")["acme/office"].id)
    with pytest.raises(Conflict):
        machine.client.remove_source("package:office")
    share.rename(tmp_path / "unmounted")
    machine.becomes("package:office", "offline")
    until(lambda: machine.of("package:office")["acme/office"].state == "offline")
    (tmp_path / "unmounted").rename(share)
    machine.becomes("package:office", "ok")
    until(lambda: machine.of("package:office")["acme/office"].state == "ok")
    assert machine.checks("package:office") == 1

    drop_in.chmod(0o666)
    until(lambda: machine.of("package:office") == {})
    assert [said for said in machine.client.status().warnings if "office.json: others can write" in said]
    drop_in.chmod(0o644)
    until(lambda: machine.of("package:office"))
    drop_in.write_text('{"path": "relative/path", "run": "x"}')
    until(lambda: machine.of("package:office") == {})
    drop_in.unlink()
    until(lambda: machine.source("package:office") is None)


def test_a_stick_of_models_is_read_once_though_it_numbers_its_files_anew(
    machine: Administered, tmp_path: Path
) -> None:
    with disk_of("exfat", tmp_path / "stick") as stick:
        kit = write_bundle(stick.folder / "kit", {"acme/first": b"first", "acme/second": b"second"})
        files = sorted(kit.rglob("m.gguf"))
        numbers = [path.stat().st_ino for path in files]
        drop_in = machine.home / "config/packages.d/stick.json"
        drop_in.write_text(json.dumps({"path": str(kit)}))
        machine.becomes("package:stick", "ok")
        before = machine.of("package:stick")
        stick.unplug()
        machine.becomes("package:stick", "offline")
        until(lambda: {item.state.value for item in machine.of("package:stick").values()} == {"offline"})
        stick.plug_in()
        again = [path.stat().st_ino for path in reversed(files)]
        assert [*reversed(again)] != numbers, "the disk numbers its files anew"
        machine.becomes("package:stick", "ok")
        until(lambda: machine.of("package:stick") == before)
        assert machine.checks("package:stick") == 1
        drop_in.unlink()
        until(lambda: machine.source("package:stick") is None)


def test_what_is_installed_already_is_not_taken_from_a_bundle(machine: Administered, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "app", {"acme/both": MODEL})
    job = ended(machine, machine.client.install_bundle(bundle))
    assert job.state == "completed"
    machine.client.add_source(bundle, "both")
    found = machine.becomes("bundle:both", "ok")
    assert found.models == () and "installed otherwise" in str(found.detail)
    (artifact,) = [item for item in machine.client.library().items if item.model == "acme/both"]
    assert (artifact.source, artifact.managed) == ("bundle", None)
    machine.client.remove(artifact.id)
    machine.client.scan()
    assert machine.becomes("bundle:both", "ok").models == ("acme/both@1:gguf",)
    machine.client.remove_source("bundle:both")


def test_policies_hold_for_an_applications_model_as_for_any(machine: Administered, tmp_path: Path) -> None:
    machine.becomes("bundle:configured-app", "ok")
    machine.client.change_policy(allowed_publishers=("lab",))
    try:
        with pytest.raises(Exception, match="allowed_publishers"):
            machine.client.load("acme/configured")
    finally:
        machine.client.change_policy(allowed_publishers=None)


def test_a_bundle_that_is_pulled_away_while_it_is_read_leaves_nothing_behind(
    machine: Administered, tmp_path: Path
) -> None:
    """While it is installed, and while one is made of a model whose file goes away."""
    big = tmp_path / "big"
    write_bundle(big, {"acme/big": bytes(60_000_000)})
    job = machine.client.install_bundle(big)
    until(lambda: machine.client.job(job.id).progress.done_bytes or machine.client.job(job.id).state.ended)
    (big / "acme").rename(tmp_path / "away")
    (tmp_path / "away/big/1/gguf/m.gguf").write_bytes(b"short")
    found = ended(machine, job)
    assert found.state in ("failed", "completed")
    if found.state == "failed":
        assert found.error is not None and found.error.code == "bad_bundle"
        assert not (machine.home / "models/acme/big").exists()
    assert not list((machine.home / "models").glob(".bundles/*"))

    good = write_bundle(tmp_path / "good", {"acme/gone": b"that goes", "acme/stays": b"that stays"})
    assert ended(machine, machine.client.install_bundle(good)).state == "completed"
    victim = machine.home / "models/acme/gone/1/gguf/m.gguf"
    victim.write_bytes(b"seog taht")  # same size: only its digest tells
    made = machine.client.create_bundle(tmp_path / "made", ["acme/stays", "acme/gone"])
    found = ended(machine, made)
    assert found.error is not None and "SHA-256 differs" in found.error.detail
    assert not [path for path in tmp_path.iterdir() if "made" in path.name]
    linked = ended(machine, machine.client.create_bundle(tmp_path / "linked", ["acme/stays"], link=True))
    assert linked.result["linked"] is True
    assert (tmp_path / "linked/acme/stays/1/gguf/m.gguf").stat().st_nlink == 2


def test_bad_requests_are_answered_with_what_to_do(machine: Administered, tmp_path: Path) -> None:
    nothing = ended(machine, machine.client.verify_bundle(tmp_path / "nothing"))
    assert nothing.error is not None and "no such folder" in nothing.error.detail
    (tmp_path / "empty").mkdir()
    empty = ended(machine, machine.client.install_bundle(tmp_path / "empty"))
    assert empty.error is not None and "no manifest" in empty.error.detail
    types(machine, "bundle", "create", str(tmp_path / "made"), "acme/unknown", code=3)
    types(machine, "bundle", "create", str(tmp_path / "empty"), "acme/configured", code=5)
    types(machine, "bundle", "create", str(tmp_path / "made"), "acme/configured", "--with-catalog", code=5)
    types(machine, "bundle", "add", str(tmp_path / "nothing"), "--app", "../x", code=2)
