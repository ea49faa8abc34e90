"""EVERY route of the daemon, and who may use it; `docs/api.md` and `/openapi.json` are made from it."""

from typing import Any

import msgspec

from modelhubd import __version__
from modelhubd.api import (
    about,
    catalog,
    device,
    downloads,
    evaluations,
    imports,
    jobs,
    library,
    metrics,
    packages,
    policy,
    records,
    servers,
    settings,
    space,
    state,
    trials,
    updates,
)
from modelhubd.api.routing import Access, DaemonRoute
from modelhubd.catalog.search import SearchQuery
from modelhubd.records.figures import SeriesQuery, StatsQuery
from modelhubd.records.service import RecordsQuery
from modelhubd.web.openapi import openapi
from modelhubd.wire import records as kept
from modelhubd.wire.base import Page
from modelhubd.wire.bundles import AddSource, CreateBundle, FirstRun, OpenBundle, SkipFirstRun, Source
from modelhubd.wire.catalog import CatalogInfo, CatalogPage, ModelDetail, VersionNote
from modelhubd.wire.device import Device
from modelhubd.wire.downloads import (
    ChangeDownload,
    ChangeLimits,
    CreateDownload,
    Download,
    DownloadLimits,
    Leftovers,
    RemovedLeftovers,
    RemoveLeftovers,
)
from modelhubd.wire.evaluations import MAX_UPLOAD_BYTES, CreateEvaluation, Evaluation, EvaluationReport
from modelhubd.wire.events import StateAnswer
from modelhubd.wire.governance import ModelStandings, TemplateStandings
from modelhubd.wire.imports import FoundAnswer, ImportRequest, Scanned
from modelhubd.wire.jobs import Job
from modelhubd.wire.library import Artifact, RemovedArtifact, SetActive
from modelhubd.wire.policy import ChangePolicy, Policy
from modelhubd.wire.servers import (
    Estimate,
    EstimateRequest,
    LoadPlan,
    LoadRequest,
    LoadSettings,
    Server,
    SettingsAnswer,
)
from modelhubd.wire.space import MoveModels, Prune, Pruned, Usage
from modelhubd.wire.status import (
    ConfigAnswer,
    Health,
    QueueSummary,
    SessionCode,
    SessionRequest,
    SessionToken,
    Status,
    Version,
)
from modelhubd.wire.trials import (
    BlindPair,
    MarkPair,
    Pair,
    PromoteTrial,
    RemoveTrial,
    StartTrial,
    Trial,
    TrialDecision,
)
from modelhubd.wire.updates import AppliedUpdates, ApplyUpdates, RollBack, RolledBack, Update

PREFIX = "/api/v1"
MODEL = "/catalog/models/{publisher}/{name}"


def _route(method: str, path: str, handler: Any, summary: str, **rest: Any) -> DaemonRoute:
    return DaemonRoute(method=method, path=path, handler=handler, summary=summary, **rest)


ROUTES: tuple[DaemonRoute, ...] = (
    _route("GET", "/version", about.version, "Version of the program and of the API", answer=Version),
    _route("GET", "/health", about.health, "Alive", access=Access.OPEN, answer=Health),
    _route("GET", "/status", about.status, "Counts, freshness, disk, outbound connections", answer=Status),
    _route("GET", "/metrics", metrics.metrics, "Figures in Prometheus's text form"),
    _route("GET", "/config", about.config, "Settings in force and their origin", answer=ConfigAnswer),
    _route(
        "POST", "/session/code", about.make_code, "A one-time code that signs the page in",
        access=Access.SOCKET, answer=SessionCode, status=201,
    ),
    _route(
        "POST", "/session", about.open_session, "A session token for a one-time code",
        access=Access.OPEN, body=SessionRequest, answer=SessionToken, status=201,
    ),
    _route(
        "POST", "/token/rotate", about.rotate_token, "A new token; every session and stream over TCP ends",
        status=204,
    ),
    _route("GET", "/state", state.state, "The whole state", query=state.StateQuery, answer=StateAnswer),
    _route("GET", "/events", state.events, "The event stream (SSE or NDJSON)", query=state.EventsQuery),
    _route("GET", "/device", device.device, "What this machine is", answer=Device),
    _route("GET", "/catalog", catalog.info, "Where the catalog comes from", answer=CatalogInfo),
    _route(
        "POST", "/catalog/sync", catalog.sync, "Read the catalog again, and look at the registry now",
        query=catalog.SyncQuery, answer=CatalogInfo, status=202,
    ),
    _route(
        "POST", "/catalog/audit/acknowledge", catalog.acknowledge,
        "End the alarm over the registry's audit log, and take the log as it is now", answer=CatalogInfo,
    ),
    _route("GET", "/catalog/models", catalog.models, "Search", query=SearchQuery, answer=CatalogPage),
    _route(
        "GET", MODEL, catalog.model, "One model, whole", query=catalog.ModelQuery, answer=ModelDetail
    ),
    _route(
        "GET", f"{MODEL}/versions", catalog.versions, "Version history, newest first",
        query=catalog.VersionsQuery, answer=Page[VersionNote],
    ),
    _route(
        "PUT", f"{MODEL}/active", catalog.set_active, "Which installed artifact the bare model id means",
        body=SetActive, answer=Artifact,
    ),
    _route(
        "PUT", f"{MODEL}/star", catalog.star, "Star the model at the registry; twice is once", status=204
    ),
    _route("DELETE", f"{MODEL}/star", catalog.unstar, "Take the star away", status=204),
    _route(
        "POST", "/downloads", downloads.create, "Enqueue a download",
        body=CreateDownload, answer=Download, status=201, creates=True,
    ),
    _route(
        "GET", "/downloads", downloads.every, "The queue, then what has ended",
        query=downloads.DownloadsQuery, answer=Page[Download],
    ),
    _route("POST", "/downloads/pause", downloads.pause_all, "Pause all", answer=QueueSummary),
    _route("POST", "/downloads/resume", downloads.resume_all, "Resume all", answer=QueueSummary),
    _route("GET", "/downloads/limits", downloads.limits, "Limits in force", answer=DownloadLimits),
    _route(
        "PATCH", "/downloads/limits", downloads.change_limits, "Change limits, at once in force and kept",
        body=ChangeLimits, answer=DownloadLimits,
    ),
    _route(
        "GET", "/downloads/leftovers", downloads.leftovers, "Partial files of no download", answer=Leftovers
    ),
    _route(
        "POST", "/downloads/leftovers", downloads.remove_leftovers, "Remove all or the named of them",
        body=RemoveLeftovers, answer=RemovedLeftovers,
    ),
    _route("GET", "/downloads/{id}", downloads.one, "One download", answer=Download),
    _route("POST", "/downloads/{id}/pause", downloads.pause, "Pause until resumed", answer=Download),
    _route("POST", "/downloads/{id}/resume", downloads.resume, "Go on", answer=Download),
    _route("POST", "/downloads/{id}/retry", downloads.retry, "Try an ended one again", answer=Download),
    _route("POST", "/downloads/{id}/cancel", downloads.cancel, "Stop it for good", answer=Download),
    _route(
        "PATCH", "/downloads/{id}", downloads.change, "Change priority, position or its own limit",
        body=ChangeDownload, answer=Download,
    ),
    _route("DELETE", "/downloads/{id}", downloads.forget, "Forget an ended one", status=204),
    _route(
        "GET", "/library", library.every, "Installed artifacts",
        query=library.LibraryQuery, answer=Page[Artifact],
    ),
    _route(
        "POST", "/library/import", imports.start, "Import a file, a folder, or what another tool holds",
        body=ImportRequest, answer=Job, status=202,
    ),
    _route(
        "POST", "/library/scan", imports.scan, "Look at the models directory and at other tools' now",
        query=imports.ScanQuery, answer=Scanned,
    ),
    _route(
        "GET", "/library/found", imports.found, "Models that other tools hold, and what is there twice",
        answer=FoundAnswer,
    ),
    _route("GET", "/library/jobs", jobs.every, "Background work, then what has ended", answer=Page[Job]),
    _route("GET", "/library/jobs/{id}", jobs.one, "One job", answer=Job),
    _route("POST", "/library/jobs/{id}/cancel", jobs.cancel, "Stop it", answer=Job),
    _route("GET", "/library/usage", space.usage, "What everything costs on the disk", answer=Usage),
    _route(
        "POST", "/library/prune", space.prune, "Give back what nobody needs, or say what that would be",
        body=Prune, answer=Pruned,
    ),
    _route(
        "POST", "/library/move", space.move, "Move the models directory to another folder or drive",
        body=MoveModels, answer=Job, status=202,
    ),
    _route(
        "POST", "/library/bundles", packages.create, "Make a bundle of installed models in a new folder",
        access=Access.SOCKET, body=CreateBundle, answer=Job, status=202,
    ),
    _route(
        "POST", "/library/bundles/verify", packages.verify, "Read a bundle and say what of it was checked",
        body=OpenBundle, answer=Job, status=202,
    ),
    _route(
        "POST", "/library/bundles/install", packages.install, "Verify a bundle and install its models",
        body=OpenBundle, answer=Job, status=202,
    ),
    _route(
        "GET", "/library/sources", packages.sources, "Folders that provide models", answer=Page[Source]
    ),
    _route(
        "POST", "/library/sources", packages.add_source, "An application says which bundle it ships",
        body=AddSource, answer=Source, status=201,
    ),
    _route(
        "DELETE", "/library/sources/{id}", packages.remove_source, "It takes its bundle back", status=204
    ),
    _route(
        "GET", "/library/first-run", packages.first_run, "Downloads of the first run", answer=FirstRun
    ),
    _route(
        "POST", "/library/first-run/skip", packages.skip_first_run, "Do without all or some of them",
        body=SkipFirstRun, answer=FirstRun,
    ),
    _route("GET", "/library/{id}", library.one, "One artifact", answer=Artifact),
    _route("DELETE", "/library/{id}", library.remove, "Remove it from the disk", answer=RemovedArtifact),
    _route(
        "POST", "/library/{id}/verify", library.verify, "Read it whole, in the background",
        answer=Job, status=202,
    ),
    _route(
        "POST", "/library/{id}/repair", library.repair, "Fetch again what of it is damaged or missing",
        answer=Job, status=202,
    ),
    _route(
        "GET", "/library/{id}/settings", settings.show, "Load settings and where each comes from",
        answer=SettingsAnswer,
    ),
    _route(
        "PUT", "/library/{id}/settings", settings.replace, "Save these load settings and no others",
        body=LoadSettings, answer=SettingsAnswer, conditional=True,
    ),
    _route(
        "DELETE", "/library/{id}/settings", settings.forget, "Forget the saved load settings",
        answer=SettingsAnswer, conditional=True,
    ),
    _route(
        "POST", "/library/{id}/estimate", library.estimate, "Memory a load would take",
        body=EstimateRequest, answer=Estimate,
    ),
    _route(
        "GET", "/updates", updates.every, "What is newer than what is installed, and what holds it back",
        query=updates.UpdatesQuery, answer=Page[Update],
    ),
    _route(
        "POST", "/updates/apply", updates.apply, "Get newer versions and put them in place of the old ones",
        body=ApplyUpdates, answer=AppliedUpdates, status=202, creates=True,
    ),
    _route(
        "POST", "/updates/rollback", updates.roll_back, "Back to the version before",
        body=RollBack, answer=RolledBack,
    ),
    _route(
        "POST", "/trials", trials.begin, "Try a candidate beside the active model",
        body=StartTrial, answer=Trial, status=201, creates=True,
    ),
    _route("GET", "/trials", trials.every, "Trials, the newest first", answer=Page[Trial]),
    _route(
        "GET", "/trials/decisions", trials.decisions, "What was decided, and on which figures",
        answer=Page[TrialDecision],
    ),
    _route("GET", "/trials/{id}", trials.one, "One trial, with its evidence", answer=Trial),
    _route("DELETE", "/trials/{id}", trials.delete, "End it; both models stay", status=204),
    _route("POST", "/trials/{id}/pause", trials.pause, "Pause until resumed", answer=Trial),
    _route("POST", "/trials/{id}/resume", trials.resume, "Go on", answer=Trial),
    _route(
        "POST", "/trials/{id}/promote", trials.promote,
        "Have the candidate be what the name means; the old one is kept for a rollback",
        body=PromoteTrial, answer=Trial,
    ),
    _route(
        "POST", "/trials/{id}/remove", trials.remove, "End it, and free what it took",
        body=RemoveTrial, answer=TrialDecision,
    ),
    _route(
        "GET", "/trials/{id}/pairs", trials.pairs, "Requests that both were given",
        query=trials.PairsQuery, answer=Page[Pair],
    ),
    _route(
        "GET", "/trials/{id}/blind", trials.blind, "Two answers in an order that only the daemon knows",
        answer=BlindPair,
    ),
    _route(
        "POST", "/trials/{id}/pairs/{n}/mark", trials.mark, "Say which of the two was better",
        body=MarkPair, answer=Trial,
    ),
    _route(
        "POST", "/servers", servers.load, "Load a model, or say what a load would do",
        query=servers.LoadQuery, body=LoadRequest, answer=Server, status=202, creates=True,
        also=(Server, LoadPlan),
    ),
    _route(
        "GET", "/servers", servers.every, "Running models", query=servers.ServersQuery, answer=Page[Server]
    ),
    _route("GET", "/servers/{id}", servers.one, "One server", answer=Server),
    _route("DELETE", "/servers/{id}", servers.unload, "Unload", answer=Server),
    _route("POST", "/servers/{id}/restart", servers.restart, "Start it again", answer=Server, status=202),
    _route("GET", "/servers/{id}/logs", servers.logs, "Its log, as text", query=servers.LogsQuery),
    _route(
        "GET", "/records", records.every, "What passed the gateway, the newest first",
        query=RecordsQuery, answer=kept.RecordPage,
    ),
    _route(
        "GET", "/records/stats", records.stats, "Figures over records, in all and by group",
        query=StatsQuery, answer=kept.RecordStats,
    ),
    _route(
        "GET", "/records/series", records.series, "Figures over time, for plots",
        query=SeriesQuery, answer=kept.RecordSeries,
    ),
    _route("GET", "/records/audit", records.audit, "Whose content is kept", answer=kept.Audit),
    _route(
        "PUT", "/records/audit", records.set_audit, "Keep content by these rules and no others",
        body=kept.SetAudit, answer=kept.Audit,
    ),
    _route(
        "POST", "/records/purge", records.purge, "Delete records, or their content, for good",
        body=kept.Purge, answer=kept.Purged,
    ),
    _route(
        "POST", "/records/export/preview", records.preview, "Exactly what an export would hold",
        body=kept.ExportRequest, answer=kept.ExportPreview,
    ),
    _route(
        "GET", "/records/export/preview/{id}", records.preview_part, "What a preview holds from a byte on",
        query=records.PartQuery, answer=kept.PreviewPart,
    ),
    _route(
        "POST", "/records/export", records.export, "Write what a preview showed to a file on this machine",
        body=kept.WriteExport, answer=kept.Exported, status=201,
    ),
    _route(
        "GET", "/records/{id}", records.one, "One record, with what is kept of its content",
        answer=kept.RecordDetail,
    ),
    _route(
        "POST", "/records/{id}/feedback", records.feedback, "Mark an answer good or bad",
        body=kept.Feedback, answer=kept.Record,
    ),
    _route(
        "POST", "/evaluations", evaluations.create, "Have models answer a file of questions",
        body=CreateEvaluation, answer=Evaluation, status=202, creates=True, max_body_bytes=MAX_UPLOAD_BYTES,
    ),
    _route(
        "GET", "/evaluations", evaluations.every, "Evaluations, the newest last",
        query=evaluations.EvaluationsQuery, answer=Page[Evaluation],
    ),
    _route("GET", "/evaluations/{id}", evaluations.one, "One evaluation", answer=Evaluation),
    _route(
        "GET", "/evaluations/{id}/report", evaluations.report, "What it has come to, in a form to read",
        query=evaluations.ReportQuery, answer=EvaluationReport,
    ),
    _route("POST", "/evaluations/{id}/cancel", evaluations.cancel, "Stop it", answer=Evaluation),
    _route(
        "POST", "/evaluations/{id}/resume", evaluations.resume, "Go on with what is not answered",
        answer=Evaluation, status=202,
    ),
    _route(
        "DELETE", "/evaluations/{id}", evaluations.remove, "Forget it, with questions and answers", status=204
    ),
    _route("GET", "/policy", policy.show, "What may be used here, and who says so", answer=Policy),
    _route(
        "PUT", "/policy", policy.change, "Change what is named, at once in force and kept",
        body=ChangePolicy, answer=Policy, conditional=True,
    ),
    _route(
        "GET", "/governance/templates", policy.templates, "Badges as of the signed snapshot",
        answer=TemplateStandings,
    ),
    _route(
        "GET", "/governance/check", policy.check, "How models stand: approved, verified, withdrawn, allowed",
        query=policy.CheckQuery, answer=ModelStandings,
    ),
)  # fmt: skip


def all_routes() -> tuple[DaemonRoute, ...]:
    """The table with the route that answers its own reference."""

    def reference() -> bytes:
        return msgspec.json.encode(openapi(routes, title="modelhubd", version=__version__, prefix=PREFIX))

    about_itself = _route("GET", "/openapi.json", about.document(reference), "This reference")
    routes = (*ROUTES, about_itself)
    return routes
