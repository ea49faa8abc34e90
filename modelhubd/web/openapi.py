"""The OpenAPI 3.1 document, made from the route table and the wire types."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from modelhubd.web.routing import Route
from modelhubd.wire.problem import PROBLEM_TYPE, Problem

REF = "#/components/schemas/{name}"


def openapi(routes: Sequence[Route], *, title: str, version: str, prefix: str) -> dict[str, Any]:
    """A document that describes every route: parameters, body, answer and the problems it may give."""
    kinds: list[Any] = [Problem]
    for route in routes:
        kinds += [kind for kind in (route.body, route.query, route.answer, *route.also) if kind is not None]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REF)
    schema_of = {_key(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(prefix + route.path, {})[route.method.lower()] = _operation(
            route, schema_of, components
        )
    queries = {route.query.__name__ for route in routes if route.query is not None}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in queries},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(
    route: Route, schema_of: dict[str, dict[str, Any]], components: dict[str, Any]
) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)(?::[^}]*)?}", route.path)
    ]
    if route.query is not None:
        properties = components[route.query.__name__]["properties"]
        parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in properties.items()]
    if route.creates:
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}})
    if route.conditional:
        parameters.append({"name": "If-Match", "in": "header", "schema": {"type": "string"}})
    success: dict[str, Any] = {"description": route.summary}
    if route.answer is not None:
        success["content"] = {"application/json": {"schema": schema_of[_key(route.answer)]}}
    operation: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}.{route.handler.__name__}",
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            str(route.status): success,
            "default": {
                "description": "What cannot be done, and what to do about it",
                "content": {PROBLEM_TYPE: {"schema": schema_of[_key(Problem)]}},
            },
        },
    }
    if route.also:
        instead = {"anyOf": [schema_of[_key(kind)] for kind in route.also]}
        operation["responses"]["200"] = {
            "description": route.summary,
            "content": {"application/json": {"schema": instead}},
        }
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[_key(route.body)]}},
        }
    if route.is_open:
        operation["security"] = []
    return operation


def _key(kind: Any) -> str:
    return repr(kind)
