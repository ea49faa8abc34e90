"""What the library does in the background."""

from modelhub_client.call import Call, api, segment
from modelhubd.wire.base import Page
from modelhubd.wire.jobs import Job


def jobs() -> Call[Page[Job]]:
    """Those under way by age, then the last that have ended."""
    return Call(method="GET", target=api("/library/jobs"), answer=Page[Job])


def job(job_id: str) -> Call[Job]:
    return Call(method="GET", target=api(f"/library/jobs/{segment(job_id)}"), answer=Job)


def cancel_job(job_id: str) -> Call[Job]:
    """Stop it; answers it as it is then."""
    return Call(method="POST", target=api(f"/library/jobs/{segment(job_id)}/cancel"), answer=Job)
