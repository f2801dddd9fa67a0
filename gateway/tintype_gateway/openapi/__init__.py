"""The API's own description, `GET /openapi.json`."""
