"""What a version's model is found by when somebody searches. Pure."""

from modelhubd.registry.versions.entries import Content


def words_of(model: str, content: Content) -> str:
    """Id, display name and tags, a line each, without regard to case. Its publisher's name is looked for
    where it stands."""
    lines = (model, content.get("display_name") or "", *content.get("tags", ()))
    return "\n".join(lines).casefold()
