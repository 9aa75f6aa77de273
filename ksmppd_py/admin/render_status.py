"""Renders esme-status as text and XML (docs/rules/http.md 3.3 and 3.4): accounts by system_id, binds by id."""

from __future__ import annotations

from collections.abc import Iterable

from ksmppd_py.admin.text import duration, escape, load, loads, yes_no
from ksmppd_py.model.esme import BindSnapshot, EsmeSnapshot, ServerSnapshot


def _sorted(server: ServerSnapshot) -> list[EsmeSnapshot]:
    return sorted(server.esmes, key=lambda esme: esme.system_id)


def plain(server: ServerSnapshot) -> str:
    """Return the whole report as text."""
    return (
        "Summary: \n"
        "\n"
        f"Unique known ESME's: {len(server.esmes)}\n"
        f"Total inbound processed:{server.inbound_processed} load: {loads(server.inbound_load)}/sec\n"
        f"Total outbound processed:{server.outbound_processed} load: {loads(server.outbound_load)}/sec\n"
    ) + "".join(map(_plain_esme, _sorted(server)))


def _plain_esme(esme: EsmeSnapshot) -> str:
    return (
        "\n"
        f"{esme.system_id} - binds:{len(esme.binds)}/{esme.max_binds}, "
        f"total inbound load:({loads(esme.inbound_load)})/{load(esme.max_inbound_load)}/sec, "
        f"outbound load:({loads(esme.outbound_load)})/sec, "
        f"mt/mo/dlr/errors:({esme.mt}/{esme.mo}/{esme.dlr}/{esme.errors})\n"
    ) + "".join(map(_plain_bind, esme.binds))


def _plain_bind(bind: BindSnapshot) -> str:
    return (
        f"-- id:{bind.bind_id} ip:{bind.ip} uptime:{duration(bind.uptime)}, type:{bind.bind_type}, "
        f"open-acks:{bind.open_acks}, simulate: {yes_no(bind.simulate)}, "
        f"inbound (load/queued/processed/routing):{load(bind.inbound_load)}/{bind.inbound_queued}"
        f"/{bind.inbound_processed}/{bind.inbound_routing}, "
        f"outbound (load/queued/processed):{load(bind.outbound_load)}/{bind.outbound_queued}"
        f"/{bind.outbound_processed}, "
        f"mt/mo/dlr/errors:{bind.mt}/{bind.mo}/{bind.dlr}/{bind.errors}\n"
    )


def xml(server: ServerSnapshot) -> str:
    """Return the whole report as XML."""
    summary = (
        ("unique", len(server.esmes)),
        ("inbound-processed", server.inbound_processed),
        ("inbound-load", loads(server.inbound_load)),
        ("outbound-processed", server.outbound_processed),
        ("outbound-load", loads(server.outbound_load)),
    )
    esmes = "".join(map(_xml_esme, _sorted(server)))
    return f"<esmes><summary>{_elements(1, summary)}\n</summary>{esmes}</esmes>"


def _elements(depth: int, values: Iterable[tuple[str, int | str]]) -> str:
    """Each element on a new line, indented by `depth` tabs."""
    start = "\n" + "\t" * depth
    return "".join(f"{start}<{name}>{value}</{name}>" for name, value in values)


def _xml_esme(esme: EsmeSnapshot) -> str:
    values = (
        ("system-id", escape(esme.system_id)),
        ("bind-count", len(esme.binds)),
        ("max-binds", esme.max_binds),
        ("inbound-load", loads(esme.inbound_load)),
        ("max-inbound-load", load(esme.max_inbound_load)),
        ("outbound-load", loads(esme.outbound_load)),
        ("mt", esme.mt),
        ("mo", esme.mo),
        ("dlr", esme.dlr),
        ("errors", esme.errors),
    )
    return f"\n<esme>{_elements(1, values)}{''.join(map(_xml_bind, esme.binds))}\n</esme>"


def _xml_bind(bind: BindSnapshot) -> str:
    values = (
        ("bind-id", bind.bind_id),
        ("ip", escape(bind.ip)),
        ("uptime", bind.uptime),
        ("bind-type", bind.bind_type),
        ("open-acks", bind.open_acks),
        ("simulate", yes_no(bind.simulate)),
        ("inbound-load", load(bind.inbound_load)),
        ("inbound-queued", bind.inbound_queued),
        ("inbound-processed", bind.inbound_processed),
        ("inbound-routing", bind.inbound_routing),
        ("outbound-load", load(bind.outbound_load)),
        ("outbound-queued", bind.outbound_queued),
        ("outbound-processed", bind.outbound_processed),
        ("mt", bind.mt),
        ("mo", bind.mo),
        ("dlr", bind.dlr),
        ("errors", bind.errors),
    )
    return f"\n\t<bind>{_elements(2, values)}\n\t</bind>"
