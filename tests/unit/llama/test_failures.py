"""A server's log tells why it failed."""

import signal

import pytest

from modelhubd.llama.failures import LAST_LINES, LOG_TAIL, classify, without_paths

BROKEN = "0.00.004.8 E llama_model_load: error loading model: tensor 'x' data is not within the file bounds"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("0.00.1 E load: unknown model architecture: 'x'", "unsupported_architecture"),
        (BROKEN, "bad_model"),
        ("0.00.1 E gguf_init_from_file: invalid magic characters: 'GGML'", "bad_model"),
        ("0.00.1 E llama_model_load: error loading model: missing tensor 'output'", "bad_model"),
        ("0.00.1 E ggml_backend_cpu: failed to allocate buffer of size 9", "out_of_memory"),
        ("0.00.1 E ggml_vulkan: ErrorOutOfDeviceMemory", "out_of_memory"),
        ("0.00.1 E srv init: couldn't bind HTTP server socket, hostname: x, port: 1", "port_in_use"),
        ("error: invalid argument: --nonsense", "bad_setting"),
        ("error while handling argument '-c': stoi", "bad_setting"),
        ("0.00.1 E init: V cache quantization requires flash_attn", "bad_setting"),
    ],
)  # fmt: skip
def test_each_cause_is_recognised(line: str, code: str) -> None:
    assert classify(["0.00.0 I loading", line, "0.00.9 E exiting due to model loading error"], 1).code == code


def test_the_reason_is_the_line_without_its_prefix() -> None:
    assert "tensor 'x' data is not within the file bounds. Verify" in classify([BROKEN], 1).detail


def test_what_a_user_typed_is_no_reason() -> None:
    lines = ["0.00.1 I slot: prompt: out of memory?", "0.00.2 E something else broke"]
    error = classify(lines, 1)
    assert error.code == "crashed"
    assert "something else broke" in error.detail


def test_a_kill_from_outside_is_told_from_other_signals() -> None:
    assert classify([], -signal.SIGKILL).code == "killed"
    crashed = classify([], -signal.SIGSEGV)
    assert crashed.code == "crashed"
    assert "SIGSEGV" in crashed.detail
    assert "signal 250" in classify([], -250).detail


def test_a_kill_is_a_kill_whatever_the_log_says() -> None:
    assert classify(["0.00.1 E ggml: failed to allocate buffer"], -signal.SIGKILL).code == "killed"


@pytest.mark.parametrize(
    "line",
    ["0.01.1 E srv: got exception: invalid argument", "0.01.1 E srv: failed to read the image", BROKEN],
)
def test_an_error_answered_to_a_request_is_not_why_a_server_died_later(line: str) -> None:
    assert classify([line], 1, was_ready=False).code != "crashed"
    error = classify([line], -signal.SIGSEGV, was_ready=True)
    assert error.code == "crashed"
    assert "SIGSEGV" in error.detail
    assert "status 3" in classify([line], 3, was_ready=True).detail


def test_only_the_last_words_tell_that_the_memory_was_short_while_it_served() -> None:
    short = "0.09.1 E ggml_cuda: cudaMalloc failed: out of memory"
    typed = "0.09.1 I slot: prompt: out of memory?"
    later = [f"0.10.{n} I slot: working" for n in range(LAST_LINES)]
    assert classify([*later, short], -signal.SIGABRT, was_ready=True).code == "out_of_memory"
    assert classify([*later, typed], -signal.SIGABRT, was_ready=True).code == "crashed"
    assert classify([short, *later], -signal.SIGABRT, was_ready=True).code == "crashed"


def test_an_assertion_that_failed_is_named() -> None:
    error = classify(
        ["/src/ggml.c:12: GGML_ASSERT(a == b) failed", "frame 1"], -signal.SIGABRT, was_ready=True
    )
    assert "SIGABRT: ggml.c:12: GGML_ASSERT(a == b) failed." in error.detail


def test_a_silent_end_names_its_status() -> None:
    assert "status 3" in classify(["nothing of note"], 3).detail


def test_the_end_of_the_log_comes_with_the_error() -> None:
    lines = [f"line {n}" for n in range(100)]
    assert classify(lines, 1).log_tail == tuple(lines[-LOG_TAIL:])


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("loading model '/home/ann/models/x/tiny.gguf'", "loading model 'tiny.gguf'"),
        ("at '/Users/ann lee/Application Support/x/tiny.gguf'", "at 'tiny.gguf'"),
        ("cannot open /home/ann lee/x/tiny.gguf: gone", "cannot open tiny.gguf: gone"),
        ("see https://example.com/pull/25", "see https://example.com/pull/25"),
        ("unix:///run/user/1000/a.sock", "unix://a.sock"),
        ("GET /health 200", "GET /health 200"),
        ("ratio 1/2", "ratio 1/2"),
    ],
)
def test_no_path_leaves_in_an_error(line: str, shown: str) -> None:
    assert without_paths(line) == shown
