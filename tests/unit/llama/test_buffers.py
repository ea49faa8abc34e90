from modelhubd.llama.buffers import MIB, Buffers, read_buffers

CPU = """\
0.00.017.743 I print_info: file size   = 0.70 MiB (16.03 BPW)
0.00.020.809 I load_tensors:   CPU_Mapped model buffer size =     0.50 MiB
0.00.021.588 I llama_context:        CPU  output buffer size =     0.25 MiB
0.00.021.868 I llama_kv_cache:        CPU KV buffer size =     2.00 MiB
0.00.023.209 I llama_kv_cache: size =    2.00 MiB (  4096 cells,   2 layers,  1/1 seqs), K (f16):    1.00 MiB
0.00.026.767 I sched_reserve:        CPU compute buffer size =     6.25 MiB
"""
"""What the built-in server writes at level 4."""
CARD = """\
load_tensors:   CPU_Mapped model buffer size =   100.00 MiB
load_tensors:        CUDA0 model buffer size =  1000.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =    32.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =     8.00 MiB
llama_memory_recurrent:  CUDA0 RS buffer size =     4.00 MiB
llama_context:      CUDA0 compute buffer size =    50.00 MiB
llama_context:      CUDA0 compute buffer size =    60.00 MiB
llama_context:  CUDA_Host compute buffer size =     5.00 MiB
"""


def sizes(text: str) -> Buffers | None:
    return read_buffers(text.splitlines())


def test_the_buffers_of_a_load_add_up() -> None:
    assert sizes(CPU) == Buffers(weights_bytes=MIB // 2, kv_bytes=2 * MIB, compute_bytes=MIB * 13 // 2)


def test_devices_and_caches_add_up_and_a_compute_buffer_that_is_made_again_counts_once() -> None:
    found = sizes(CARD)
    assert found == Buffers(weights_bytes=1100 * MIB, kv_bytes=44 * MIB, compute_bytes=65 * MIB)
    assert found.total_bytes == 1209 * MIB


def test_a_log_without_buffers_tells_nothing() -> None:
    assert sizes("") is None
    assert sizes("load_tensors: CPU model buffer size = 1.00 MiB") is None
    assert sizes("sched_reserve: CPU compute buffer size = 1.00 MiB") is None
    assert (
        sizes("x: CPU model buffer size = 99999999999999.00 MiB\nx: CPU compute buffer size = nan MiB")
        is None
    )
