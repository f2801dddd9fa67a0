"""What handlers and middlewares share: typed keys of the application and of a request."""

from aiohttp import web

from tintype_gateway.catalog.store import CatalogStore
from tintype_gateway.http.response_tasks import ResponseTasks
from tintype_gateway.observability.request_log import RequestLog
from tintype_gateway.pipeline.pipeline import Pipeline

PIPELINE = web.AppKey("pipeline", Pipeline)
RESPONSE_TASKS = web.AppKey("response_tasks", ResponseTasks)
CATALOGS = web.AppKey("catalogs", CatalogStore)

PUBLIC_MODELS = web.AppKey("public_models", bool)
"""Whether what is served without a key may name the models of the catalog."""

REQUEST_ID = web.RequestKey("request_id", str)
REQUEST_LOG = web.RequestKey("request_log", RequestLog)
"""What the access log will say of the request."""

STATIC_FILE = web.RequestKey("static_file", bool)
"""Set where the request is for a file of the playground, and not for the API."""
