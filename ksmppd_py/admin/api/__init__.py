"""The management API /api/v1: JSON over HTTP, declared once for checks, answers and its OpenAPI document."""
