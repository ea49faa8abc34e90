"""From the metadata of a projector (mmproj) file to the shape of its vision encoder.

Keys: gguf-py's `Keys.ClipVision` of llama.cpp.
"""

from modelhubd.formats.metadata import Metadata
from modelhubd.wire.architecture import Vision

FAMILY = "clip"
_PREFIX = b"clip.vision."


def vision_of(metadata: Metadata, *, gated: bool) -> Vision | None:
    """The encoder that a file describes; None where it is no projector, or one for sound alone.

    Raises:
        BadModelFile: a figure is absurd.
    """

    def figure(key: bytes) -> int | None:
        value = metadata.integer(_PREFIX + key)
        return value if value is not None and value > 0 else None

    if metadata.text(b"general.architecture") != FAMILY or _PREFIX + b"embedding_length" not in metadata:
        return None
    return Vision(
        kind=metadata.text(b"clip.vision.projector_type") or metadata.text(b"clip.projector_type"),
        image_size=figure(b"image_size"),
        patch_size=figure(b"patch_size"),
        hidden_size=figure(b"embedding_length"),
        feed_forward_size=figure(b"feed_forward_length"),
        n_heads=figure(b"attention.head_count"),
        projection_size=figure(b"projection_dim"),
        merged=figure(b"spatial_merge_size"),
        gated=gated,
    )
