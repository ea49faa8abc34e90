"""HTTP plumbing: bodies, problems, streams, listening, callers, the OpenAPI document."""
