"""The data plane: an OpenAI-compatible images API in front of many providers.

A request passes these stages in order (`pipeline/pipeline.py`):

    authenticate -> validate -> resolve -> adapt -> hold -> translate -> call -> finish -> settle
    -> respond

    api/            the HTTP handlers
    http/           connections, middleware, delivery of responses, drain
    auth/           API keys, JWTs, limits of calls
    pipeline/       the stages, and the serializers of responses
    billing/        holds, charges and their settlement
    ledger/         accounts, keys, holds and charges in SQLite or PostgreSQL
    dialects/       one module for each upstream wire protocol
    upstream/       calls to providers: connections, retries, failover, circuit breakers
    images/         image bytes without decoding them
    storage/        images that are given as URLs
    catalog/        where the catalog comes from, and how it is swapped while requests run
    observability/  metrics, logs, traces
    playground/     the web page to try models on
    runtime/        the process: memory, the event loop, folders that change
"""
