"""Typed keys of the application and of requests, shared by handlers and middlewares."""

from aiohttp import web

from tintype_gateway.auth.admin.roles import AdminCaller
from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.http.bodies.images import ImageBodies
from tintype_gateway.http.connection_limits import BodyPace
from tintype_gateway.http.response_tasks import ResponseTasks
from tintype_gateway.jobs.service import JobService
from tintype_gateway.observability.request_log import RequestLog
from tintype_gateway.pipeline.pipeline import Pipeline

PIPELINE = web.AppKey("pipeline", Pipeline)
RESPONSE_TASKS = web.AppKey("response_tasks", ResponseTasks)
IMAGE_BODIES = web.AppKey("image_bodies", ImageBodies)
BODY_PACE = web.AppKey("body_pace", BodyPace)
JOBS = web.AppKey("jobs", JobService)
CATALOGS = web.AppKey("catalogs", CatalogStore)

PUBLIC_MODELS = web.AppKey("public_models", bool)
"""Whether responses to requests without a key may name the models of the catalog."""

REQUEST_ID = web.RequestKey("request_id", str)
REQUEST_LOG = web.RequestKey("request_log", RequestLog)
"""The fields of the request's access log line."""

ADMIN = web.RequestKey("admin", AdminCaller)
"""The caller of the admin API."""

STATIC_FILE = web.RequestKey("static_file", bool)
"""Set if the request is for a file of the playground, not for the API."""
