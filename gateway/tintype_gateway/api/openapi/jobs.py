"""The operations of jobs in the OpenAPI document."""

from typing import Any, get_args

from tintype_gateway.api.jobs import JOBS_PATH
from tintype_gateway.api.openapi.errors import AUTHENTICATED
from tintype_gateway.api.openapi.parts import (
    Json,
    header,
    operation_of,
    ref,
    response_headers,
    served_headers,
)
from tintype_gateway.ledger.jobs import JobStatus

_ID = {"type": "string", "pattern": "^job_[0-9a-f]{32}$"}

PREFERENCES = {
    "type": "string",
    "examples": ["respond-async", "respond-async, wait=30", "handling=strict"],
}


def job_paths(event: Json) -> Json:
    """Return the paths of jobs. `event` is the schema of one event of a stream."""
    cancel = "Cancel a job: free in the queue, at the provider where that saves money"
    return {
        JOBS_PATH: {"get": _list()},
        f"{JOBS_PATH}/{{id}}": {
            "get": _revalidated(_one("getJob", "Show a job; `Prefer: wait=N` waits for its end")),
            "delete": _one("deleteJob", cancel),
        },
        f"{JOBS_PATH}/{{id}}/cancel": {"post": _one("cancelJob", cancel)},
        f"{JOBS_PATH}/{{id}}/webhook/redeliver": {"post": _redelivery()},
        f"{JOBS_PATH}/{{id}}/events": {"get": _events(event)},
    }


def accepted() -> Json:
    """Return the response 202 of a request that became a job."""
    headers = served_headers() | response_headers("x-request-id", "Location", "Retry-After")
    del headers["Tintype-Route"], headers["Tintype-Cost-Micro-Credits"]
    return {
        "description": "The request is stored as a job, as `Prefer: respond-async` asks for.",
        "headers": headers,
        "content": {"application/json": {"schema": ref("ImageJob")}},
    }


def _list() -> Json:
    operation = operation_of("listJobs", "List the jobs of the caller's account", "JobList")
    statuses = {"type": "string", "enum": list(get_args(JobStatus))}
    limit = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    parameters = [
        _query("status", "Only jobs of this status.", statuses),
        _query("limit", "How many jobs there are at most.", limit),
        _query("after", "The last id of the page before.", _ID),
    ]
    return operation | {"parameters": parameters}


def _one(name: str, summary: str) -> Json:
    operation = operation_of(name, summary, None, (*AUTHENTICATED, 404))
    schemas = [ref("ImageJob"), ref("JobSummary")]
    success = operation["responses"]["200"]
    success["content"]["application/json"] = {"schema": {"anyOf": schemas}}
    success["headers"] |= response_headers("ETag", required=True)
    success["headers"] |= response_headers("Preference-Applied", "Retry-After")
    wait = {"type": "string", "examples": ["wait=30", "wait=30, return=minimal"]}
    text = "How long to wait for the end of the job, at most 60 s, and whether without its result."
    return operation | {"parameters": [_named(), header("Prefer", text, wait)]}


def _revalidated(operation: Json) -> Json:
    operation["responses"]["304"] = {
        "description": "The version that `If-None-Match` names is current.",
        "headers": response_headers("ETag", required=True) | response_headers("Preference-Applied"),
    }
    text = "The ETag of a version that the client knows: the wait then ends with any other."
    operation["parameters"].append(header("If-None-Match", text, {"type": "string"}))
    return operation


def _redelivery() -> Json:
    summary = "Send the message that a job has ended again, with all attempts anew"
    operation = operation_of("redeliverJobWebhook", summary, "ImageJob", (*AUTHENTICATED, 404, 409))
    operation["responses"]["202"] = operation["responses"].pop("200")
    return operation | {"parameters": [_named()]}


def _events(event: Json) -> Json:
    summary = "The events of a job, from the first on or after `Last-Event-ID`"
    operation = operation_of("getJobEvents", summary, None, (*AUTHENTICATED, 404))
    operation["responses"]["200"]["content"] = {"text/event-stream": {"schema": event}}
    operation["responses"]["204"] = {
        "description": "The job has ended, and the client has all of its events.",
        "headers": response_headers("x-request-id", required=True),
    }
    text = "The id of the last event that the client has."
    number = {"type": "string", "pattern": "^[0-9]{1,7}$"}
    return operation | {"parameters": [_named(), header("Last-Event-ID", text, number)]}


def _named() -> Json:
    return {"name": "id", "in": "path", "required": True, "schema": _ID}


def _query(name: str, description: str, schema: dict[str, Any]) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}
