"""Binds that are accepted or refused, and their answers (docs/rules/smpp-session.md 5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ksmppd_py.config import DlrProfileGroup
from ksmppd_py.errors import BackendUnavailable, DatabaseUnavailable, KsmppdError
from ksmppd_py.esme.dlr_profiles import DlrProfiles
from ksmppd_py.esme.registry import MOST_CHANGED
from ksmppd_py.esme.session import SmppSession
from ksmppd_py.model.account import Account
from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.translate.dlr_profile import STANDARD
from ksmppd_py.translate.tlvs import TlvTables
from tests.esme.conftest import PASSWORD, Bed, StartBed
from tests.fakes import smpp_wire as wire
from tests.parts.waiting import wait_until

KINDS = {"transmitter": 1, "receiver": 2, "transceiver": 3}


def assert_refused(bed: Bed, status: int, system_id: str = "esme", password: str = PASSWORD) -> None:
    """A header only (D-03), then the end of the connection."""
    esme = bed.connect()
    reply = esme.bind(system_id, password)
    assert (reply.command_status, reply.body) == (status, b"")
    esme.wait_closed(3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_bind(bed: Bed, kind: str) -> None:
    esme = bed.connect()
    reply = esme.bind("ESME", PASSWORD, kind)
    assert reply.command_status == 0
    assert reply.body == b"KSMPPD\0\x02\x10\x00\x01\x34"
    [bind] = bed.binds
    assert (bind.bind_id, bind.ip, bind.bind_type, bind.inbound_processed) == (0, "127.0.0.1", KINDS[kind], 1)
    assert bed.accounts.asked == [(b"ESME", PASSWORD.encode(), "127.0.0.1")]


@pytest.mark.parametrize(("version", "tlv"), [(0x00, False), (0x33, False), (0x34, True), (0x50, True)])
def test_our_version_is_told_to_those_who_know_tlvs(bed: Bed, version: int, tlv: bool) -> None:
    """D-05."""
    esme = bed.connect()
    reply = esme.bind("esme", PASSWORD, version=version)
    assert reply.body == b"KSMPPD\0" + (b"\x02\x10\x00\x01\x34" if tlv else b"")


def test_a_server_without_id(start: StartBed) -> None:
    assert start(id="").bind().wait_response(1).text == b""


@pytest.mark.parametrize(("system_id", "password"), [("esme", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_wrong_credentials(bed: Bed, system_id: str, password: str) -> None:
    assert_refused(bed, wire.RBINDFAIL, system_id, password)
    assert bed.registry.snapshot().esmes == ()


@pytest.mark.parametrize("error", [DatabaseUnavailable("gone"), BackendUnavailable("500")])
def test_a_back_end_that_fails(bed: Bed, error: KsmppdError) -> None:
    bed.accounts.failure = error
    assert_refused(bed, wire.RSYSERR)


@pytest.mark.parametrize(
    ("system_id", "password"), [("es\nme", PASSWORD), ("esme\x7f", PASSWORD), ("esme", "a\rb")]
)
def test_control_characters_are_not_handed_on(bed: Bed, system_id: str, password: str) -> None:
    """docs/rules/smpp-session.md 3: they would be injected into HTTP headers."""
    assert_refused(bed, wire.RBINDFAIL, system_id, password)
    assert bed.accounts.asked == []


def test_long_passwords_are_taken_whole(bed: Bed) -> None:
    esme = bed.connect()
    assert esme.bind("esme", "p" * 64).command_status == wire.RBINDFAIL
    assert bed.accounts.asked == [(b"esme", b"p" * 64, "127.0.0.1")]


def test_a_system_id_that_no_account_can_have(bed: Bed) -> None:
    esme = bed.connect()
    assert esme.bind("e" * 17, PASSWORD).command_status == 0x0F
    assert bed.accounts.asked == []


def test_binding_again_changes_nothing(bed: Bed) -> None:
    """docs/rules/smpp-session.md 4: 0x05, and the session goes on."""
    esme = bed.bind("receiver")
    for kind in KINDS:
        reply = esme.bind("esme", PASSWORD, kind)
        assert (reply.command_status, reply.body) == (wire.RALYNBD, b"")
    assert len(bed.accounts.asked) == 1
    assert [bind.bind_type for bind in bed.binds] == [2]


# -- changes by an operator while a bind is authenticated -----------------------------------------------------------


def change_once(bed: Bed, system_id: str, change: Callable[[], object]) -> None:
    """Have an operator change an account while the next bind knows its former row."""

    def meanwhile() -> None:
        bed.accounts.meanwhile = lambda: None
        change()
        bed.registry.note_change(system_id)

    bed.accounts.meanwhile = meanwhile


def test_an_account_that_is_deleted_meanwhile(bed: Bed) -> None:
    change_once(bed, "esme", bed.accounts.accounts.clear)
    assert_refused(bed, wire.RBINDFAIL)
    assert bed.registry.snapshot().esmes == ()


@pytest.mark.parametrize(("system_id", "tries"), [("esme", 2), ("other", 1)])
def test_an_account_that_changes_meanwhile(bed: Bed, system_id: str, tries: int) -> None:
    change_once(bed, system_id, lambda: bed.account(throughput=7.0))
    bed.bind()
    assert len(bed.accounts.asked) == tries
    esme = bed.registry.find("esme")
    assert esme is not None
    assert esme.account.throughput == (7.0 if tries == 2 else 0.0)


def test_an_account_that_changes_all_the_time(bed: Bed) -> None:
    bed.accounts.meanwhile = lambda: bed.registry.note_change("esme")
    assert_refused(bed, wire.RSYSERR)
    assert len(bed.accounts.asked) == 5


def test_more_changes_than_are_remembered(bed: Bed) -> None:
    bed.registry.note_change("esme")
    assert not bed.registry.has_changed("esme", 1)
    assert bed.registry.has_changed("esme", 0)
    for _ in range(MOST_CHANGED):
        bed.registry.note_change("other")
    assert not bed.registry.has_changed("esme", 1)
    assert bed.registry.has_changed("esme", 0)


# -- connect_allow_ip ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patterns", "allowed"),
    [
        (None, True),
        ("", True),
        ("127.0.0.1", True),
        ("10.0.0.1", False),
        ("10.0.0.1; 127.0.0.1", True),
        ("127.0.0.*", True),
        ("127.0.0.0/8", True),
        ("10.0.0.0/8", False),
    ],
)
def test_connect_allow_ip(bed: Bed, patterns: str | None, allowed: bool) -> None:
    bed.account(connect_allow_ip=patterns)
    if allowed:
        bed.bind()
    else:
        assert_refused(bed, wire.RBINDFAIL)


# -- max_binds -----------------------------------------------------------------------------------------------------


def test_max_binds_counts_binds_of_any_kind(bed: Bed) -> None:
    bed.account(max_binds=2)
    bed.bind("receiver")
    bed.bind("transmitter")
    assert_refused(bed, wire.RBINDFAIL)
    assert len(bed.binds) == 2


def test_statuses_of_refused_binds_are_those_of_the_profile(bed: Bed, start: StartBed) -> None:
    """Without an account the server's profile decides, with one the account's."""
    bed.account(max_binds=1, dlr_profile="standard")
    bed.bind()
    assert_refused(bed, CommandStatus.RALYNBD)
    assert_refused(bed, wire.RBINDFAIL, "esme", "wrong")
    other = start(dlr_profile="standard")
    other.account(max_binds=1)
    other.bind()
    assert_refused(other, CommandStatus.RALYNBD)
    assert_refused(other, CommandStatus.RINVPASWD, "esme", "wrong")
    other.account(connect_allow_ip="10.0.0.1")
    assert_refused(other, CommandStatus.RINVPASWD)


def test_a_bind_keeps_its_profile_until_its_account_names_another(bed: Bed) -> None:
    bed.account()
    bed.bind()
    session = bed.registry.best("esme")
    assert isinstance(session, SmppSession)
    profiles = DlrProfiles([DlrProfileGroup(id="kannel", text=0)])
    bed.listener.reconfigure(bed.settings, TlvTables(), None, profiles)
    assert session.options.profile.text_octets == 12
    session.refresh(Account("esme", dlr_profile="standard"))
    assert session.options.profile is STANDARD
    session.refresh(Account("esme"))
    assert session.options.profile.text_octets == 0


def test_a_slot_is_free_the_moment_its_session_ends(bed: Bed) -> None:
    bed.account(max_binds=1)
    first = bed.bind()
    first.close()
    wait_until(lambda: not bed.binds)
    second = bed.bind()
    assert second.unbind().command_status == 0
    bed.bind()


def test_a_slot_is_free_when_unbind_is_received(bed: Bed, start: StartBed) -> None:
    """Not only when its unbind_resp has been held back for outstanding answers."""
    bed.account(max_binds=1)
    bed.gateway.ack = -100
    first = bed.bind()
    first.send_submit(wire.Message(destination_addr=b"491700", short_message=b"x"))
    wait_until(lambda: bed.gateway.sent)
    first.send_request(wire.UNBIND)
    wait_until(lambda: not bed.binds)
    bed.bind()
    bed.gateway.settle(0)


def test_accounts_have_their_own_slots(bed: Bed) -> None:
    bed.account(max_binds=1)
    bed.accounts.accounts["other"] = Account("other", max_binds=1)
    bed.bind()
    other = bed.connect()
    assert other.bind("other", PASSWORD).command_status == 0


# -- accounts ------------------------------------------------------------------------------------------------------


def test_the_last_bind_sets_the_account(bed: Bed) -> None:
    """docs/rules/smpp-session.md 5.1."""
    bed.account(throughput=5.0)
    bed.bind()
    assert bed.snapshot().max_inbound_load == 5.0
    bed.account(throughput=7.0, max_binds=9)
    assert bed.snapshot().max_inbound_load == 5.0
    bed.bind()
    assert (bed.snapshot().max_inbound_load, bed.snapshot().max_binds) == (7.0, 9)


def test_an_account_stays_when_its_binds_are_gone(bed: Bed) -> None:
    esme = bed.bind()
    esme.submit(wire.Message(destination_addr=b"491700", short_message=b"x"))
    esme.unbind()
    esme.wait_closed()
    assert bed.binds == ()
    assert bed.snapshot().mt == 1


def test_bind_ids_count_connections(bed: Bed) -> None:
    """docs/rules/smpp-session.md 2."""
    assert_refused(bed, wire.RBINDFAIL, password="wrong")
    bed.bind()
    bed.bind()
    assert [bind.bind_id for bind in bed.binds] == [1, 2]
