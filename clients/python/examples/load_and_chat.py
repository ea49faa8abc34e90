"""Load an installed model with settings of its own, ask it something, and give its memory back.

python load_and_chat.py MODEL QUESTION
"""

import sys

from modelhub_client import ChatMessage, Client, LoadFailed, NotFound, Refused, ensure_running
from modelhubd.wire.servers import LoadSettings


def main(model: str, question: str) -> int:
    """The exit code."""
    ensure_running()  # finds the daemon or starts it
    client = Client(app="example/1.0")
    settings = LoadSettings(ctx=512, threads=1, ttl_s=60)
    try:
        plan = client.plan_load(model, settings)
        print(f"needs {plan.estimate.total_bytes} bytes: {plan.estimate.reason}")
        server = client.load(model, settings)  # answers once it is ready
    except NotFound as error:
        print(f"{error} Get it with search_and_download.py.")
        return 3
    except Refused as error:
        print(f"It does not fit, or a policy forbids it: {error}")
        return 7
    except LoadFailed as error:
        print(f"{error} Its log:\n{client.log_lines(error.problem.server_id or '', tail=20)}")
        return 1
    try:
        for piece in client.chat_stream(server.name, [ChatMessage(role="user", content=question)], seed=1):
            if piece.reasoning:  # what a thinking model says to itself comes apart
                print(piece.reasoning, end="", file=sys.stderr)
            print(piece.content, end="", flush=True)
        print()
    finally:
        client.unload(server.id)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], " ".join(sys.argv[2:])) if len(sys.argv) > 2 else __doc__)
