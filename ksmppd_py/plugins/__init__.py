"""Plugins: a customer's Python module that decides about binds and routes; its imports (docs/plugins.md)."""

from __future__ import annotations

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Account, Simulation
from ksmppd_py.model.direction import Direction
from ksmppd_py.model.routes import Route
from ksmppd_py.plugins.context import Authenticate, PluginContext, Refusal, RouteMessage

__all__ = [
    "Account",
    "Authenticate",
    "Direction",
    "PluginContext",
    "Refusal",
    "Route",
    "RouteMessage",
    "Simulation",
    "Sms",
]
