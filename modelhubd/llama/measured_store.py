"""The SQL of what loads took. The newest 500 are kept."""

import msgspec

from modelhubd.llama.buffers import Buffers
from modelhubd.llama.measured import Load, Measurement
from modelhubd.storage.database import Reader, Transaction

KEPT = 500


async def put(tx: Transaction, measured: Measurement) -> None:
    """Keep it in the place of an earlier one of the same load."""
    load = measured.load
    await tx.execute(
        "INSERT OR REPLACE INTO measured_load (number, library_id, family, kind, ctx,"
        " expected_weights, expected_kv, expected_compute, weights, kv, compute, program)"
        " VALUES ((SELECT coalesce(max(number), 0) + 1 FROM measured_load), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *msgspec.structs.astuple(load),
            *msgspec.structs.astuple(measured.expected),
            *msgspec.structs.astuple(measured.found),
            measured.program_bytes,
        ),
    )
    await tx.execute(
        "DELETE FROM measured_load WHERE number <= (SELECT max(number) FROM measured_load) - ?", (KEPT,)
    )


async def alike(reader: Reader, load: Load) -> tuple[Measurement, ...]:
    """Measurements of the same family and kind, the newest first."""
    rows = await reader.fetch_all(
        "SELECT library_id, family, kind, ctx, expected_weights, expected_kv, expected_compute,"
        " weights, kv, compute, program FROM measured_load"
        " WHERE family = ? AND kind = ? ORDER BY number DESC",
        (load.family, load.kind),
    )
    return tuple(
        Measurement(
            load=Load(library_id=row[0], family=row[1], kind=row[2], ctx=row[3]),
            expected=Buffers(weights_bytes=row[4], kv_bytes=row[5], compute_bytes=row[6]),
            found=Buffers(weights_bytes=row[7], kv_bytes=row[8], compute_bytes=row[9]),
            program_bytes=row[10],
        )
        for row in rows
    )
