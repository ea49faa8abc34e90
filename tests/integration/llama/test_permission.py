"""What runs and may not be used any more: the next request is refused at once, others are as they were."""

from typing import Any

import openai
import pytest

from modelhubd.errors import NotAllowed
from modelhubd.wire.servers import LoadRequest
from tests.fakes.tiny_gguf import write_chat
from tests.integration.llama.conftest import House
from tests.integration.llama.serving import serving_fakes

MESSAGES: Any = [{"role": "user", "content": "hi"}]


async def test_a_request_to_what_runs_and_is_forbidden_is_403(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_chat(house.folder / "tiny.gguf")
    artifact = house.shelf.put(house.folder / "tiny.gguf")
    forbidden: set[str] = set()

    async def permit_served(library_id: str) -> None:
        if library_id in forbidden:
            raise NotAllowed("It is refused by the policy offline.", code="refused_by_policy")

    async with serving_fakes(house) as found, found.client() as client:
        monkeypatch.setattr(found.servers, "_permit_served", permit_served)
        server = await found.servers.load(LoadRequest(library_id=artifact.id))
        await client.chat.completions.create(model=server.name, messages=MESSAGES)
        forbidden.add(artifact.id)
        with pytest.raises(openai.PermissionDeniedError, match="policy"):
            await client.chat.completions.create(model=server.name, messages=MESSAGES)
        with pytest.raises(NotAllowed):
            await found.servers.restart(server.id)
        assert (await found.servers.get(server.id)).state == "ready"
        await found.servers.unload_forbidden()
        assert (await found.servers.list()).items == ()
