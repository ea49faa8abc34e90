from msgspec.structs import replace

from modelhubd.library.active import best_fitting, candidates
from modelhubd.library.layout import Key
from modelhubd.library.store import Stored
from modelhubd.trust.names import parse_reference
from modelhubd.wire.device import Device, Gpu
from modelhubd.wire.library import ArtifactFile, ArtifactState

GB = 1_000_000_000
DEVICE = Device(
    os="linux",
    os_version="6",
    arch="x86_64",
    cpu_model=None,
    cpu_cores=4,
    cpu_threads=8,
    ram_total_bytes=16 * GB,
    ram_available_bytes=12 * GB,
    models_dir="~/models",
    models_dir_present=True,
    disk_total_bytes=100 * GB,
    disk_free_bytes=50 * GB,
)


def stored(version: int, option: str, size_bytes: int = GB, state: str = "ok") -> Stored:
    return Stored(
        id=f"{version}-{option}",
        key=Key("acme/tiny", version, option),
        format="gguf",
        quantization="Q4_K_M",
        source="download",
        state=ArtifactState(state),
        digest=None,
        verified_at=None,
        installed_at="2026-01-01T00:00:00.000Z",
        files=(ArtifactFile(name="a.gguf", role="model", size_bytes=size_bytes, sha256=None),),
        mtimes_ns=(None,),
    )


ROWS = [stored(2, "large"), stored(2, "small"), stored(1, "large"), stored(1, "small")]


def meant(reference: str, rows: list[Stored] = ROWS, chosen: str | None = None) -> list[str]:
    return [row.id for row in candidates(rows, parse_reference(reference), chosen)]


def test_a_bare_name_means_the_newest_version() -> None:
    assert meant("acme/tiny") == ["2-large", "2-small"]


def test_a_version_and_an_option_are_exact() -> None:
    assert meant("acme/tiny@1:small") == ["1-small"]
    assert meant("acme/tiny@3:small") == []


def test_an_option_alone_means_its_newest_version() -> None:
    assert meant("acme/tiny:small") == ["2-small"]


def test_the_one_made_active_by_hand_wins_where_it_has_what_is_asked() -> None:
    assert meant("acme/tiny", chosen="1-small") == ["1-small"]
    assert meant("acme/tiny:small", chosen="1-small") == ["1-small"]
    assert meant("acme/tiny@2", chosen="1-small") == ["2-large", "2-small"]


def test_one_made_active_by_hand_stays_so_while_its_files_are_gone() -> None:
    rows = [stored(2, "large"), stored(1, "small", state="missing")]
    assert meant("acme/tiny", rows, chosen="1-small") == ["1-small"]


def test_a_whole_artifact_comes_before_a_newer_one_that_is_gone() -> None:
    rows = [stored(2, "large", state="missing"), stored(1, "large")]
    assert meant("acme/tiny", rows) == ["1-large"]
    assert meant("acme/tiny", rows[:1]) == ["2-large"]


def test_the_largest_that_fits_is_the_best() -> None:
    large, small, huge = stored(1, "large", 4 * GB), stored(1, "small", GB), stored(1, "huge", 400 * GB)
    assert best_fitting([small, huge, large], None, DEVICE) == large


def test_where_nothing_fits_the_least_bad_is_the_best() -> None:
    huge, vast = stored(1, "huge", 400 * GB), stored(1, "vast", 800 * GB)
    assert best_fitting([vast, huge], None, DEVICE) == huge


def test_a_name_means_the_same_while_memory_is_in_use() -> None:
    large, small = stored(1, "large", 4 * GB), stored(1, "small", GB)
    full = Gpu(id="0", name="card", total_bytes=GB // 2, free_bytes=0)
    busy = Device(**{field: getattr(DEVICE, field) for field in DEVICE.__struct_fields__} | {
        "ram_available_bytes": 2 * GB, "gpus": (full,),
    })  # fmt: skip
    assert best_fitting([small, large], None, busy) == large


def test_an_option_of_another_format_is_judged_as_such() -> None:
    folder = replace(stored(1, "folder", 4 * GB), format="safetensors")
    assert best_fitting([folder, stored(1, "small")], None, DEVICE).key.option == "small"
