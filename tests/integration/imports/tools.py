"""Folders as other tools leave them, made from their documented layouts."""

import json
from pathlib import Path

from tests.integration.imports.world import sha256


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def hugging_face(cache: Path, repository: str, files: dict[str, bytes], commit: str = "a" * 40) -> Path:
    """A repository of which one revision was fetched; answers the folder of the snapshot. Files of less than
    ten bytes are as if not in LFS: their blobs are named by another digest."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / commit
    write(folder / "refs" / "main", commit.encode())
    for name, content in files.items():
        digest = sha256(content)
        blob = digest if len(content) >= 10 else digest[:40]
        write(folder / "blobs" / blob, content)
        link = snapshot / name
        link.parent.mkdir(parents=True, exist_ok=True)
        up = "../" * (2 + name.count("/"))
        if not link.is_symlink():
            link.symlink_to(f"{up}blobs/{blob}")
    return snapshot


def ollama(models: Path, name: str, tag: str, **layers: bytes) -> Path:
    """A model as `ollama pull` leaves it; answers its manifest."""
    listed = []
    for kind, content in {**layers, "license": b"MIT"}.items():
        digest = sha256(content)
        write(models / "blobs" / f"sha256-{digest}", content)
        listed.append(
            {
                "mediaType": f"application/vnd.ollama.image.{kind}",
                "digest": f"sha256:{digest}",
                "size": len(content),
            }
        )
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": f"sha256:{'c' * 64}",
            "size": 487,
        },
        "layers": listed,
    }
    path = models / "manifests" / "registry.ollama.ai" / "library" / name / tag
    return write(path, json.dumps(manifest).encode())


def jan(data: Path, name: str, content: bytes, projector: bytes | None = None) -> Path:
    """A model as Jan 0.6 keeps it; answers its `model.yml`."""
    folder = data / "llamacpp" / "models" / name
    write(folder / "model.gguf", content)
    lines = [f"model_path: llamacpp/models/{name}/model.gguf", f"name: {name}", f"size_bytes: {len(content)}"]
    if projector is not None:
        write(folder / "mmproj.gguf", projector)
        lines.append(f"mmproj_path: llamacpp/models/{name}/mmproj.gguf")
    return write(folder / "model.yml", "\n".join([*lines, "embedding: false", ""]).encode())
