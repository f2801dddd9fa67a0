"""The two aiohttp applications of a gateway: the API for clients, and the admin application."""

from collections.abc import Awaitable, Callable, Collection

from aiohttp import web

from tintype_gateway.auth.admin.access import AdminAccess
from tintype_gateway.http.app_keys import (
    BODY_PACE,
    CATALOGS,
    IMAGE_BODIES,
    JOBS,
    PIPELINE,
    PUBLIC_MODELS,
    RESPONSE_TASKS,
)
from tintype_gateway.http.bodies.images import ImageBodies
from tintype_gateway.http.connection_limits import BodyPace
from tintype_gateway.http.cors import Cors
from tintype_gateway.http.handlers import images, openapi, playground
from tintype_gateway.http.handlers import jobs as handlers_of_jobs
from tintype_gateway.http.handlers.admin.api import AdminApi
from tintype_gateway.http.handlers.files import file_route
from tintype_gateway.http.middleware import add_headers, enveloped, observed
from tintype_gateway.http.response_tasks import ResponseTasks
from tintype_gateway.jobs.service import JobService
from tintype_gateway.jobs.webhook_secrets import WebhookSecrets
from tintype_gateway.observability.scrape import scraped
from tintype_gateway.pipeline.pipeline import Pipeline
from tintype_gateway.storage.folder import FolderStore
from tintype_gateway.storage.health import StoreHealth


def create_app(
    pipeline: Pipeline,
    image_bodies: ImageBodies,
    jobs: JobService,
    max_request_bytes: int,
    *,
    drain_seconds: float,
    with_playground: bool = True,
    public_models: bool = False,
    cors_origins: Collection[str] = (),
    body_pace: BodyPace | None = None,
) -> web.Application:
    """Return the application of the API and the playground.

    `public_models` lets `GET /openapi.json` name the models of the catalog without a key, and
    pages of the `cors_origins` may call the API. `body_pace` limits the time of JSON bodies. At
    shutdown, responses whose client has disconnected have `drain_seconds` to complete.
    """
    app = web.Application(middlewares=[observed, enveloped], client_max_size=max_request_bytes)
    app[PIPELINE] = pipeline
    app[IMAGE_BODIES] = image_bodies
    app[JOBS] = jobs
    app[BODY_PACE] = body_pace or BodyPace()
    app[CATALOGS] = pipeline.catalogs
    app[PUBLIC_MODELS] = public_models
    app[RESPONSE_TASKS] = tasks = ResponseTasks(drain_seconds)
    app.on_shutdown.append(tasks.begin_drain)
    app.on_shutdown.append(_ending_waits(jobs))
    app.on_cleanup.append(tasks.drain)
    app.on_response_prepare.append(add_headers)
    Cors(cors_origins).install(app)
    app.add_routes(images.ROUTES)
    app.add_routes(handlers_of_jobs.ROUTES)
    app.add_routes(openapi.ROUTES)
    if isinstance(pipeline.images.store, FolderStore):
        app.add_routes([file_route(pipeline.images.store)])
    if with_playground:
        app.add_routes(playground.routes())
    return app


def _ending_waits(jobs: JobService) -> Callable[[web.Application], Awaitable[None]]:
    async def end(app: web.Application) -> None:
        jobs.changes.drain()

    return end


class AdminApp:
    """Metrics, probes and status, for a port that clients do not reach."""

    def __init__(
        self,
        pipeline: Pipeline,
        access: AdminAccess | None = None,
        secrets: WebhookSecrets | None = None,
    ) -> None:
        self._catalogs = pipeline.catalogs
        self._ledger = pipeline.ledger
        self.access = access
        self._secrets = secrets
        self.store_health = StoreHealth(pipeline.images.store)
        self.draining = False

    def application(self) -> web.Application:
        """Return the routes as an application."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/status", self._status),
                web.get("/metrics", self._metrics),
            ]
        )
        if self.access is not None:
            api = AdminApi(self._ledger, self.access, self._secrets)
            app.add_subapp("/admin/v1", api.application())
        return app

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        has_catalog = self._catalogs.status().sequence is not None
        ready = has_catalog and not self.draining
        body: dict[str, object] = {
            "ready": ready,
            "catalog": has_catalog,
            "draining": self.draining,
        }
        if self.store_health.error:  # no reason to fail the probe: most responses need no store
            body["image_store"] = self.store_health.error
        return web.json_response(body, status=200 if ready else 503)

    async def _status(self, request: web.Request) -> web.Response:
        status = self._catalogs.status()
        return web.json_response(
            {
                "sequence": status.sequence,
                "digest": status.digest,
                "loadedAt": status.loaded_at,
                "lastError": status.last_error,
                "source": status.source,
            }
        )

    async def _metrics(self, request: web.Request) -> web.Response:
        body, content_type = await scraped(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})
