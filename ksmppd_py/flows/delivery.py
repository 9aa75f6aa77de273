"""MO and DLR: from the bearerbox, the store or the simulation to an ESME (docs/rules/flows.md 2 to 4)."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import lru_cache

from ksmppd_py.errors import PermanentError, TemporaryError
from ksmppd_py.flows.message_ends import MessageEnds
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.history import MessageHistory
from ksmppd_py.model.names import to_name, to_octets
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.ports import Receivers, Refunds, Router
from ksmppd_py.model.work import Delivery
from ksmppd_py.smpp.pdus import DeliverSm
from ksmppd_py.smpp.tlvs import NO_TLVS
from ksmppd_py.translate import mo, receipts
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_url import price_of, system_id_of
from ksmppd_py.translate.error_map import ErrorMap
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.reports import is_unasked

logger = logging.getLogger(__name__)

_MO = int(SmsType.MO)
_REPORT = int(SmsType.REPORT_MO)
_DONE = Outcome.DONE
_DOT = ord(".")
"""Is in every dlr_url that says what the ESME asked for; an octet is found fast."""


class DeliveryFlow:
    """Finds the account of an MO or report, and sends it to one of the account's binds. Implements ports.Deliveries."""

    def __init__(
        self,
        router: Router,
        receivers: Receivers,
        history: MessageHistory | None = None,
        refunds: Refunds | None = None,
        clock: Clock | None = None,
        ends: MessageEnds | None = None,
    ) -> None:
        """`refunds` and `clock` are needed where an error map gives prices back, `ends` for `dlr-always`."""
        self._ends = ends
        self._router = router
        self._receivers = receivers
        self._history = history
        self._refunds = refunds
        self._clock = clock
        self._error_map: ErrorMap | None = None
        self.refunds = False
        """See ports.Deliveries."""

    def reconfigure(self, error_map: ErrorMap | None) -> None:
        """Take over another error map, for later reports. Doesn't yield."""
        self._error_map = error_map
        self.refunds = error_map is not None and error_map.refunds

    @property
    def waits(self) -> bool:
        """Whether `route` waits for an HTTP server or a plugin with each MO."""
        return self._router.waits

    def route(self, delivery: Delivery) -> Outcome | None:
        """Set the account of a message from the bearerbox; return None, or why it has none. May yield (routing)."""
        sms = delivery.sms
        assert sms is not None
        try:
            delivery.system_id = self.target(sms)
        except TemporaryError as error:
            logger.warning("Message %s can't be routed now: %s", _id(sms), error)
            return Outcome.TEMPORARY
        except (PermanentError, Untranslatable) as error:
            logger.error("Message %s from the bearerbox refused: %s; %s", _id(sms), error, _way(sms))
            return Outcome.PERMANENT
        sms.service = to_octets(delivery.system_id)
        outcome = None
        if self._error_map is not None and sms.sms_type == _REPORT:
            outcome = self._map_error(delivery, sms, self._error_map)
        if self._ends is not None and self._ends.on and outcome is None and sms.sms_type == _REPORT:
            self._ends.count(delivery.system_id, sms)
        return outcome

    def _map_error(self, delivery: Delivery, sms: Sms, error_map: ErrorMap) -> Outcome | None:
        """Change a report as the error map says; return TEMPORARY when it can't be done now. May yield (refund)."""
        system_id, dlr_url, receiver = delivery.system_id, sms.dlr_url or b"", sms.receiver or b""
        rule = error_map.apply(sms)
        price = price_of(dlr_url) if rule is not None and rule.refund else 0.0
        if not price or self._refunds is None or self._clock is None:
            return None
        try:
            self._refunds.refund_once(system_id, price, dlr_url + b" " + receiver, self._clock.time())
        except TemporaryError as error:
            logger.warning("%s: %f can't be refunded now: %s", system_id, price, error)
            delivery.system_id = ""  # nothing keeps it here: the bearerbox sends it once more, unchanged
            return Outcome.TEMPORARY
        except PermanentError as error:
            logger.error("%s: %f can't be refunded: %s", system_id, price, error)
        return None

    def dispatch(self, delivery: Delivery) -> Outcome | None:
        """Send a message to a bind of `delivery.system_id`. Doesn't yield.

        Returns None when it was sent: then `delivery.origin` gets it back with its outcome. Otherwise returns the
        outcome.
        """
        sms = delivery.sms
        if sms is not None and sms.sms_type == _REPORT:
            if self._history is not None:
                self._history.reported(delivery.system_id, sms)
            if sms.dlr_url is not None and _DOT in sms.dlr_url and is_unasked(sms):
                if self._ends is not None:
                    self._ends.unasked(delivery)
                return _DONE
        receiver = self._receivers.best(delivery.system_id)
        if receiver is None:
            return Outcome.NO_RECEIVER
        if sms is None:
            pdus = [_for_bind(delivery.pdu, receiver.options)]
        else:
            try:
                if sms.sms_type == _REPORT:
                    pdus = receipts.to_deliver_sm(sms, receiver.options)
                else:
                    pdus = mo.to_deliver_sm(sms, receiver.options, receiver.next_reference())
            except Untranslatable as error:
                logger.error("Message %s can't be expressed for %s: %s", _id(sms), delivery.system_id, error)
                return Outcome.PERMANENT
        delivery.left = len(pdus)
        delivery.outcome = _DONE
        receiver.deliver(pdus, delivery)
        return None

    def target(self, sms: Sms) -> str:
        """Return the system_id (lower case) that a message is for. May yield when the router does.

        Raises as route_mo, and Untranslatable for a report whose dlr_url names no account.
        """
        if sms.sms_type == _REPORT and sms.dlr_url is not None:
            return _account(system_id_of(sms.dlr_url))
        if sms.sms_type != _MO:
            raise PermanentError(f"sms_type {sms.sms_type} isn't for an ESME")
        route = self._router.route_mo(sms)
        if not route.system_id:
            raise PermanentError("the route names no system_id")
        return route.system_id


def _for_bind(pdu: DeliverSm, options: BindOptions) -> DeliverSm:
    """Return a stored PDU as this bind may be sent it: a bind of version 3.3 gets no TLVs."""
    return pdu if options.takes_tlvs or not pdu.tlvs else replace(pdu, tlvs=NO_TLVS)


@lru_cache(maxsize=1024)
def _account(system_id: bytes) -> str:
    return to_name(system_id).lower()


def _id(sms: Sms) -> str:
    return sms.id.decode("ascii", "replace")


def _way(sms: Sms) -> str:
    """Source and destination of a message, to find the route that it lacks."""
    sender, receiver, smsc = (to_name(octets or b"") for octets in (sms.sender, sms.receiver, sms.smsc_id))
    return f"from {sender} to {receiver}, SMSC {smsc or 'unknown'}"
