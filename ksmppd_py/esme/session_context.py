"""The objects that all sessions of a listener share."""

from __future__ import annotations

from dataclasses import dataclass, field

from ksmppd_py.config import KsmppdGroup
from ksmppd_py.esme.binding import Binder
from ksmppd_py.esme.memory_bounds import SubmitMemory
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.model.ports import AccessLog, MessageLookup, SubmitService
from ksmppd_py.transport.greenlets import GreenletGroup


@dataclass(slots=True)
class SessionContext:
    """The objects that a session works with. `settings` may be replaced; sessions read it from here each time."""

    binder: Binder
    flow: SubmitService
    registry: EsmeRegistry
    settings: KsmppdGroup
    greenlets: GreenletGroup
    lookup: MessageLookup | None = None
    access: AccessLog | None = None
    submit_memory: SubmitMemory = field(default_factory=SubmitMemory)
