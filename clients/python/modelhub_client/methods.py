"""How both clients get their methods from the one description in `calls`.

`asked(calls.catalog.search)` is a method that takes what `search` takes and answers what its `Call` promises.
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from modelhub_client.call import Call

P = ParamSpec("P")
T = TypeVar("T")


class Asks(Protocol):
    def run(self, call: Call[T], /) -> T: ...


class AsksAsync(Protocol):
    async def run(self, call: Call[T], /) -> T: ...


class Calls:
    """A module under `calls` that is imported when one of its functions is used: all of them, with the values
    that they answer, take longer to import than a question takes to be answered."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, function: str) -> Any:
        return lambda: getattr(import_module(f"modelhub_client.calls.{self._name}"), function)


class _Method:
    """Becomes what `make` makes of a function that `find` finds, when it is first looked at."""

    def __init__(self, find: Any, make: Callable[[Any], Any]) -> None:
        self._find, self._make = find, make

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, instance: object, owner: type) -> Any:
        setattr(self._owner, self._name, self._make(self._find()))
        return getattr(owner if instance is None else instance, self._name)


def asked(build: Callable[P, Call[T]]) -> Callable[Concatenate[Asks, P], T]:
    """The method of a sync client that runs what `build` builds."""
    return cast("Callable[Concatenate[Asks, P], T]", _Method(build, _sync))


def asked_async(
    build: Callable[P, Call[T]],
) -> Callable[Concatenate[AsksAsync, P], Coroutine[Any, Any, T]]:
    """The method of an async client that runs what `build` builds."""
    return cast("Callable[Concatenate[AsksAsync, P], Coroutine[Any, Any, T]]", _Method(build, _async))


def _sync(build: Callable[P, Call[T]]) -> Callable[Concatenate[Asks, P], T]:
    @wraps(build)
    def method(self: Asks, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(build(*args, **kwargs))

    return method


def _async(build: Callable[P, Call[T]]) -> Callable[Concatenate[AsksAsync, P], Coroutine[Any, Any, T]]:
    @wraps(build)
    async def method(self: AsksAsync, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(build(*args, **kwargs))

    return method


if TYPE_CHECKING:
    from modelhub_client.calls import catalog as of_catalog
    from modelhub_client.calls import downloads as of_downloads
    from modelhub_client.calls import evaluations as of_evaluations
    from modelhub_client.calls import imports as of_imports
    from modelhub_client.calls import jobs as of_jobs
    from modelhub_client.calls import library as of_library
    from modelhub_client.calls import packages as of_packages
    from modelhub_client.calls import policy as of_policy
    from modelhub_client.calls import records as of_records
    from modelhub_client.calls import servers as of_servers
    from modelhub_client.calls import space as of_space
    from modelhub_client.calls import state as of_state
    from modelhub_client.calls import system as of_system
    from modelhub_client.calls import trials as of_trials
    from modelhub_client.calls import updates as of_updates
else:
    of_catalog = Calls("catalog")
    of_downloads = Calls("downloads")
    of_evaluations = Calls("evaluations")
    of_imports = Calls("imports")
    of_jobs = Calls("jobs")
    of_library = Calls("library")
    of_packages = Calls("packages")
    of_policy = Calls("policy")
    of_records = Calls("records")
    of_servers = Calls("servers")
    of_space = Calls("space")
    of_state = Calls("state")
    of_system = Calls("system")
    of_trials = Calls("trials")
    of_updates = Calls("updates")


class SyncMethods:
    """Every route, for a class with `run`."""

    version = asked(of_system.version)
    health = asked(of_system.health)
    status = asked(of_system.status)
    state = asked(of_state.state)
    device = asked(of_system.device)
    config = asked(of_system.config)
    metrics = asked(of_system.metrics)
    openapi = asked(of_system.openapi)
    rotate_token = asked(of_system.rotate_token)
    session_code = asked(of_system.session_code)
    sign_in = asked(of_system.sign_in)

    search = asked(of_catalog.search)
    model = asked(of_catalog.model)
    versions = asked(of_catalog.versions)
    set_active = asked(of_catalog.set_active)
    catalog_info = asked(of_catalog.catalog_info)
    sync_catalog = asked(of_catalog.sync_catalog)
    acknowledge_audit = asked(of_catalog.acknowledge_audit)
    star = asked(of_catalog.star)
    unstar = asked(of_catalog.unstar)

    create_download = asked(of_downloads.create_download)
    downloads = asked(of_downloads.downloads)
    download = asked(of_downloads.download)
    pause_download = asked(of_downloads.pause_download)
    resume_download = asked(of_downloads.resume_download)
    retry_download = asked(of_downloads.retry_download)
    cancel_download = asked(of_downloads.cancel_download)
    change_download = asked(of_downloads.change_download)
    forget_download = asked(of_downloads.forget_download)
    pause_all = asked(of_downloads.pause_all)
    resume_all = asked(of_downloads.resume_all)
    limits = asked(of_downloads.limits)
    change_limits = asked(of_downloads.change_limits)
    leftovers = asked(of_downloads.leftovers)
    remove_leftovers = asked(of_downloads.remove_leftovers)

    policy = asked(of_policy.policy)
    change_policy = asked(of_policy.change_policy)
    governance_templates = asked(of_policy.governance_templates)
    governance_check = asked(of_policy.governance_check)

    library = asked(of_library.library)
    artifact = asked(of_library.artifact)
    remove = asked(of_library.remove)
    scan = asked(of_library.scan)
    verify = asked(of_library.verify)
    repair = asked(of_library.repair)
    import_model = asked(of_imports.import_model)
    found = asked(of_imports.found)
    jobs = asked(of_jobs.jobs)
    job = asked(of_jobs.job)
    cancel_job = asked(of_jobs.cancel_job)
    estimate = asked(of_library.estimate)
    settings = asked(of_library.settings)
    save_settings = asked(of_library.save_settings)
    reset_settings = asked(of_library.reset_settings)

    usage = asked(of_space.usage)
    prune = asked(of_space.prune)
    move_models = asked(of_space.move_models)

    updates = asked(of_updates.updates)
    apply_updates = asked(of_updates.apply_updates)
    roll_back = asked(of_updates.roll_back)

    start_trial = asked(of_trials.start_trial)
    trials = asked(of_trials.trials)
    trial = asked(of_trials.trial)
    trial_decisions = asked(of_trials.trial_decisions)
    trial_pairs = asked(of_trials.trial_pairs)
    blind_pair = asked(of_trials.blind_pair)
    mark_pair = asked(of_trials.mark_pair)
    pause_trial = asked(of_trials.pause_trial)
    resume_trial = asked(of_trials.resume_trial)
    promote_trial = asked(of_trials.promote_trial)
    remove_trial = asked(of_trials.remove_trial)
    delete_trial = asked(of_trials.delete_trial)

    create_bundle = asked(of_packages.create_bundle)
    verify_bundle = asked(of_packages.verify_bundle)
    install_bundle = asked(of_packages.install_bundle)
    sources = asked(of_packages.sources)
    add_source = asked(of_packages.add_source)
    remove_source = asked(of_packages.remove_source)
    first_run = asked(of_packages.first_run)
    skip_first_run = asked(of_packages.skip_first_run)

    records = asked(of_records.records)
    record = asked(of_records.record)
    record_stats = asked(of_records.record_stats)
    record_series = asked(of_records.record_series)
    mark_record = asked(of_records.mark_record)
    purge_records = asked(of_records.purge_records)
    records_audit = asked(of_records.records_audit)
    set_records_audit = asked(of_records.set_records_audit)
    preview_export = asked(of_records.preview_export)
    preview_part = asked(of_records.preview_part)
    export_records = asked(of_records.export_records)
    create_evaluation = asked(of_evaluations.create_evaluation)
    evaluations = asked(of_evaluations.evaluations)
    evaluation = asked(of_evaluations.evaluation)
    evaluation_report = asked(of_evaluations.evaluation_report)
    evaluation_report_text = asked(of_evaluations.evaluation_report_text)
    cancel_evaluation = asked(of_evaluations.cancel_evaluation)
    resume_evaluation = asked(of_evaluations.resume_evaluation)
    remove_evaluation = asked(of_evaluations.remove_evaluation)

    load = asked(of_servers.load)
    plan_load = asked(of_servers.plan_load)
    servers = asked(of_servers.servers)
    server = asked(of_servers.server)
    unload = asked(of_servers.unload)
    restart = asked(of_servers.restart)
    log_lines = asked(of_servers.log_lines)


class AsyncMethods:
    """Every route, for a class with an async `run`."""

    version = asked_async(of_system.version)
    health = asked_async(of_system.health)
    status = asked_async(of_system.status)
    state = asked_async(of_state.state)
    device = asked_async(of_system.device)
    config = asked_async(of_system.config)
    metrics = asked_async(of_system.metrics)
    openapi = asked_async(of_system.openapi)
    rotate_token = asked_async(of_system.rotate_token)
    session_code = asked_async(of_system.session_code)
    sign_in = asked_async(of_system.sign_in)

    search = asked_async(of_catalog.search)
    model = asked_async(of_catalog.model)
    versions = asked_async(of_catalog.versions)
    set_active = asked_async(of_catalog.set_active)
    catalog_info = asked_async(of_catalog.catalog_info)
    sync_catalog = asked_async(of_catalog.sync_catalog)
    acknowledge_audit = asked_async(of_catalog.acknowledge_audit)
    star = asked_async(of_catalog.star)
    unstar = asked_async(of_catalog.unstar)

    create_download = asked_async(of_downloads.create_download)
    downloads = asked_async(of_downloads.downloads)
    download = asked_async(of_downloads.download)
    pause_download = asked_async(of_downloads.pause_download)
    resume_download = asked_async(of_downloads.resume_download)
    retry_download = asked_async(of_downloads.retry_download)
    cancel_download = asked_async(of_downloads.cancel_download)
    change_download = asked_async(of_downloads.change_download)
    forget_download = asked_async(of_downloads.forget_download)
    pause_all = asked_async(of_downloads.pause_all)
    resume_all = asked_async(of_downloads.resume_all)
    limits = asked_async(of_downloads.limits)
    change_limits = asked_async(of_downloads.change_limits)
    leftovers = asked_async(of_downloads.leftovers)
    remove_leftovers = asked_async(of_downloads.remove_leftovers)

    policy = asked_async(of_policy.policy)
    change_policy = asked_async(of_policy.change_policy)
    governance_templates = asked_async(of_policy.governance_templates)
    governance_check = asked_async(of_policy.governance_check)

    library = asked_async(of_library.library)
    artifact = asked_async(of_library.artifact)
    remove = asked_async(of_library.remove)
    scan = asked_async(of_library.scan)
    verify = asked_async(of_library.verify)
    repair = asked_async(of_library.repair)
    import_model = asked_async(of_imports.import_model)
    found = asked_async(of_imports.found)
    jobs = asked_async(of_jobs.jobs)
    job = asked_async(of_jobs.job)
    cancel_job = asked_async(of_jobs.cancel_job)
    estimate = asked_async(of_library.estimate)
    settings = asked_async(of_library.settings)
    save_settings = asked_async(of_library.save_settings)
    reset_settings = asked_async(of_library.reset_settings)

    usage = asked_async(of_space.usage)
    prune = asked_async(of_space.prune)
    move_models = asked_async(of_space.move_models)

    updates = asked_async(of_updates.updates)
    apply_updates = asked_async(of_updates.apply_updates)
    roll_back = asked_async(of_updates.roll_back)

    start_trial = asked_async(of_trials.start_trial)
    trials = asked_async(of_trials.trials)
    trial = asked_async(of_trials.trial)
    trial_decisions = asked_async(of_trials.trial_decisions)
    trial_pairs = asked_async(of_trials.trial_pairs)
    blind_pair = asked_async(of_trials.blind_pair)
    mark_pair = asked_async(of_trials.mark_pair)
    pause_trial = asked_async(of_trials.pause_trial)
    resume_trial = asked_async(of_trials.resume_trial)
    promote_trial = asked_async(of_trials.promote_trial)
    remove_trial = asked_async(of_trials.remove_trial)
    delete_trial = asked_async(of_trials.delete_trial)

    create_bundle = asked_async(of_packages.create_bundle)
    verify_bundle = asked_async(of_packages.verify_bundle)
    install_bundle = asked_async(of_packages.install_bundle)
    sources = asked_async(of_packages.sources)
    add_source = asked_async(of_packages.add_source)
    remove_source = asked_async(of_packages.remove_source)
    first_run = asked_async(of_packages.first_run)
    skip_first_run = asked_async(of_packages.skip_first_run)

    records = asked_async(of_records.records)
    record = asked_async(of_records.record)
    record_stats = asked_async(of_records.record_stats)
    record_series = asked_async(of_records.record_series)
    mark_record = asked_async(of_records.mark_record)
    purge_records = asked_async(of_records.purge_records)
    records_audit = asked_async(of_records.records_audit)
    set_records_audit = asked_async(of_records.set_records_audit)
    preview_export = asked_async(of_records.preview_export)
    preview_part = asked_async(of_records.preview_part)
    export_records = asked_async(of_records.export_records)
    create_evaluation = asked_async(of_evaluations.create_evaluation)
    evaluations = asked_async(of_evaluations.evaluations)
    evaluation = asked_async(of_evaluations.evaluation)
    evaluation_report = asked_async(of_evaluations.evaluation_report)
    evaluation_report_text = asked_async(of_evaluations.evaluation_report_text)
    cancel_evaluation = asked_async(of_evaluations.cancel_evaluation)
    resume_evaluation = asked_async(of_evaluations.resume_evaluation)
    remove_evaluation = asked_async(of_evaluations.remove_evaluation)

    load = asked_async(of_servers.load)
    plan_load = asked_async(of_servers.plan_load)
    servers = asked_async(of_servers.servers)
    server = asked_async(of_servers.server)
    unload = asked_async(of_servers.unload)
    restart = asked_async(of_servers.restart)
    log_lines = asked_async(of_servers.log_lines)
