"""A daemon and the real registry service: what people approve there is what the machine gets."""

import asyncio
from pathlib import Path

from modelhub_client import Conflict, NotFound
from tests.fakes.registry import Registry, running_registry
from tests.running import RunningDaemon

BODY = {
    "display_name": "Tiny",
    "license": {"spdx": "Apache-2.0"},
    "options": [
        {
            "id": "gguf-q4", "format": "gguf",
            "files": [{"name": "tiny.gguf", "size_bytes": 10, "sha256": "ab" * 32,
                       "urls": ["https://models.invalid/tiny.gguf"]}],
        }
    ],
}  # fmt: skip
MODEL = "/models/acme/tiny"


async def published_and_approved(registry: Registry, key: str) -> None:
    made = await registry.author.post(f"{MODEL}/versions", BODY | {"notes": f"Of {key}."}, key=key)
    assert made.status == 201, made.body
    decision = {"decision": "approve", "content_sha256": made.json["content_sha256"]}
    decided = await registry.reviewer.post(f"{MODEL}/versions/{made.json['version']}/decision", decision)
    assert decided.status == 200, decided.body


async def test_what_is_approved_is_what_the_machine_gets(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with running_registry(tmp_path / "registry") as registry:
        root = await registry.reader.get("/tuf/1.root.json")
        assert root.status == 200
        (tmp_path / "root.json").write_bytes(root.body)
        daemon = RunningDaemon(
            home,
            {
                "MODELHUB_CATALOG_REGISTRY_URL": registry.url,
                "MODELHUB_CATALOG_REGISTRY_ROOT": str(tmp_path / "root.json"),
            },
        )
        (home / "config").mkdir(parents=True)
        tokens = home / "config/tokens.toml"
        tokens.write_text(f'"{registry.url}" = "{registry.reader.token}"\n')
        tokens.chmod(0o600)
        await asyncio.to_thread(daemon.start)
        client = daemon.client
        try:
            info = await asyncio.to_thread(client.sync_catalog, wait=True)
            assert (info.last_error, info.source, info.faults) == (None, "registry", ())
            assert info.models > 5, "the seed is served"
            await published_and_approved(registry, "one")
            info = await asyncio.to_thread(client.sync_catalog, wait=True)
            assert info.last_error is None, info.last_error
            assert info.audit is not None
            assert info.audit.alarm is None
            assert info.audit.size > 0
            model = await asyncio.to_thread(client.model, "acme/tiny")
            assert (model.version, model.verified, model.source) == (1, False, "registry")
            assert (await registry.admin.put(f"{MODEL}/verification")).status == 200
            await published_and_approved(registry, "two")
            await asyncio.to_thread(client.sync_catalog, wait=True)
            model = await asyncio.to_thread(client.model, "acme/tiny")
            assert (model.version, model.verified) == (2, True)
            await asyncio.to_thread(client.star, "acme/tiny")
            withdrawn = await registry.admin.post(f"{MODEL}/versions/2/withdraw", {"reason": "It leaks."})
            assert withdrawn.status == 200, withdrawn.body
            info = await asyncio.to_thread(client.sync_catalog, wait=True)
            assert info.last_error is None, info.last_error
            served = await registry.reader.get(MODEL)
            if served.json["served_version"] is None:
                for refused, ask in ((NotFound, client.model), (Conflict, client.create_download)):
                    try:
                        await asyncio.to_thread(ask, "acme/tiny")
                        raise AssertionError("it is withdrawn")
                    except refused as error:
                        assert "It leaks." in str(error)
        finally:
            await asyncio.to_thread(daemon.stop)
