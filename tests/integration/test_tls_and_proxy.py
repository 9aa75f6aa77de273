"""ESMEs over TLS, and behind a proxy that speaks the PROXY protocol, in front of a real daemon."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.esme import Esme
from tests.integration.bed import Bed, StartBed, mt
from tests.parts.certificates import Authority
from tests.parts.daemon import PASSWORD
from tests.parts.process import free_port
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def proxy_1(ip: str) -> bytes:
    return f"PROXY TCP4 {ip} 127.0.0.1 4660 2345\r\n".encode()


def proxy_2(ip: str) -> bytes:
    addresses = socket.inet_aton(ip) + socket.inet_aton("127.0.0.1") + b"\x12\x34\x09\x29"
    return SIGNATURE + b"\x21\x11\x00\x0c" + addresses


class TlsPort:
    """A bed whose daemon has a port for TLS, with certificates in files of their own."""

    def __init__(
        self, directory: Path, start_bed: StartBed, *, clients: bool = False, **keys: object
    ) -> None:
        self.directory = directory
        self.authority = Authority()
        self.certificate, self.key = directory / "certificate.pem", directory / "key.pem"
        self.port = free_port()
        self.renew(self.authority)
        ksmppd = {
            "smpp-tls-port": self.port,
            "smpp-tls-cert-file": self.certificate,
            "smpp-tls-key-file": self.key,
            **keys,
        }
        if clients:
            ksmppd["smpp-tls-ca-file"] = self.authority.write(directory)
        self.bed: Bed = start_bed(ksmppd=ksmppd)

    def renew(self, authority: Authority) -> None:
        """Write another certificate under the same names."""
        for made, path in zip(
            authority.server_files(self.directory), (self.certificate, self.key), strict=True
        ):
            shutil.move(made, path)

    def context(self, authority: Authority | None = None) -> ssl.SSLContext:
        """A client that trusts the authority."""
        return ssl.create_default_context(cafile=str((authority or self.authority).write(self.directory)))

    def connect(self, context: ssl.SSLContext | None = None, preface: bytes = b"") -> Esme:
        esme = Esme(self.port, tls=context or self.context(), preface=preface)
        self.bed.esmes.append(esme)
        return esme


OpenPort = Callable[..., TlsPort]


@pytest.fixture
def open_port(tmp_path: Path, start_bed: StartBed) -> OpenPort:
    return lambda **options: TlsPort(tmp_path, start_bed, **options)


class TestTls:
    def test_messages_both_ways_beside_the_plain_port(self, open_port: OpenPort) -> None:
        tls = open_port()
        customer = tls.bed.customer()
        esme = tls.connect()
        assert esme.bind(customer.system_id, customer.password).command_status == wire.ROK
        reply = esme.submit(mt("x" * 160, registered_delivery=1))
        assert reply.command_status == wire.ROK
        dlr = tls.bed.box.send_dlr(tls.bed.box.wait_for_sms()[0])
        esme.wait_receipt(reply.text)
        assert tls.bed.box.wait_for_ack(dlr).nack == box_wire.ACK_SUCCESS
        plain = tls.bed.esme(customer)
        assert plain.submit(mt()).command_status == wire.ROK
        esme.unbind()
        esme.wait_closed()

    def test_old_versions_are_refused(self, open_port: OpenPort) -> None:
        tls = open_port()
        context = tls.context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        assert tls.connect(context)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            Esme(tls.port, tls=old)
        tls.bed.daemon.wait_for_log("closed before its first PDU: TLS: ")

    def test_what_is_no_tls_is_closed_and_harms_nobody(self, open_port: OpenPort) -> None:
        tls = open_port()
        customer = tls.bed.customer()
        with socket.create_connection(("127.0.0.1", tls.port), 10) as stranger:
            stranger.sendall(wire.pack(wire.BIND_TRANSCEIVER, 0, 1, wire.pack_bind("a", "b", 0x34)))
            with contextlib.suppress(ConnectionError):
                while stranger.recv(1024):
                    pass
        esme = tls.connect()
        assert esme.bind(customer.system_id, customer.password).command_status == wire.ROK

    def test_certificates_of_clients(self, open_port: OpenPort) -> None:
        tls = open_port(clients=True)
        customer = tls.bed.customer()
        known, unknown, none = tls.context(), tls.context(), tls.context()
        known.load_cert_chain(tls.authority.client(tls.directory))
        unknown.load_cert_chain(Authority("Somebody").client(tls.directory))
        esme = tls.connect(known)
        assert esme.bind(customer.system_id, customer.password).command_status == wire.ROK
        for context in (unknown, none):
            # With TLS 1.3 a client learns late that its certificate is refused.
            with pytest.raises((OSError, AssertionError)):
                tls.connect(context).bind(customer.system_id, customer.password)
        assert esme.submit(mt()).command_status == wire.ROK

    def test_new_certificates_after_sighup(self, open_port: OpenPort) -> None:
        """Sessions that are there go on; a key that doesn't fit leaves the old certificate in use."""
        tls = open_port()
        customer = tls.bed.customer()
        esme = tls.connect()
        assert esme.bind(customer.system_id, customer.password).command_status == wire.ROK
        other = Authority("Other CA")
        tls.renew(other)
        tls.bed.daemon.process.signal(signal.SIGHUP)
        tls.bed.daemon.wait_for_log("The configuration was read again")
        assert tls.connect(tls.context(other))
        with pytest.raises(ssl.SSLCertVerificationError):
            tls.connect(tls.context())
        assert esme.submit(mt()).command_status == wire.ROK

        shutil.move(Authority().server_files(tls.directory)[1], tls.key)
        tls.bed.daemon.process.signal(signal.SIGHUP)
        tls.bed.daemon.wait_for_log("The configuration stays as it was")
        assert tls.connect(tls.context(other))

    def test_the_port_goes_on_speaking_tls_when_it_leaves_the_file(self, open_port: OpenPort) -> None:
        """The change takes a restart; until then the port must refuse passwords in clear."""
        tls = open_port()
        daemon = tls.bed.daemon
        lines = daemon.config_path.read_text().splitlines(keepends=True)
        daemon.config_path.write_text("".join(line for line in lines if not line.startswith("smpp-tls-")))
        daemon.process.signal(signal.SIGHUP)
        daemon.wait_for_log("These changes take a restart: ksmppd: smpp-tls-port")
        customer = tls.bed.customer()
        esme = tls.connect()
        assert esme.bind(customer.system_id, customer.password).command_status == wire.ROK


class TestProxy:
    KEYS = {"smpp-proxy-protocol": "yes", "smpp-proxy-allow-ip": "127.0.0.2"}  # noqa: RUF012

    def bound_from(self, bed: Bed, preface: bytes, *, system_id: str, password: str) -> Esme:
        esme = Esme(bed.daemon.smpp_port, source_ip="127.0.0.2", preface=preface)
        bed.esmes.append(esme)
        self.status = esme.bind(system_id, password).command_status
        return esme

    @pytest.mark.parametrize("preface", [proxy_1, proxy_2])
    def test_the_address_behind_it_counts(self, start_bed: StartBed, preface: Callable[[str], bytes]) -> None:
        bed = start_bed(ksmppd=self.KEYS)
        customer = bed.customer(connect_allow_ip="203.0.113.*")
        who = {"system_id": customer.system_id, "password": customer.password}
        esme = self.bound_from(bed, preface("203.0.113.9"), **who)
        assert self.status == wire.ROK
        assert esme.submit(mt()).command_status == wire.ROK
        assert "ip:203.0.113.9 " in bed.daemon.admin("/esme-status").body
        self.bound_from(bed, preface("198.51.100.1"), **who)
        assert self.status == wire.RBINDFAIL
        bed.daemon.wait_for_log("bind from 198.51.100.1 refused: ip")

    def test_the_address_behind_it_is_blocked_and_the_proxy_is_not(self, start_bed: StartBed) -> None:
        keys = {**self.KEYS, "ip-blocklist-attempts": 2, "ip-blocklist-exempt-ips": ""}
        bed = start_bed(ksmppd=keys)
        customer = bed.customer()
        for _ in range(2):
            self.bound_from(bed, proxy_1("203.0.113.9"), system_id=customer.system_id, password="wrong")
            assert self.status == wire.RBINDFAIL
        wait_until(lambda: "203.0.113.9" in bed.daemon.admin("/blocked-ips").body, "the block")
        blocked = Esme(bed.daemon.smpp_port, source_ip="127.0.0.2", preface=proxy_1("203.0.113.9"))
        blocked.wait_closed()
        self.bound_from(
            bed, proxy_1("203.0.113.10"), system_id=customer.system_id, password=customer.password
        )
        assert self.status == wire.ROK

    def test_others_cannot_pretend(self, start_bed: StartBed) -> None:
        """From an address that isn't a proxy's the header is what any garbage is; without one it binds as ever."""
        bed = start_bed(ksmppd=self.KEYS)
        customer = bed.customer()
        assert bed.esme(customer).submit(mt()).command_status == wire.ROK
        liar = Esme(bed.daemon.smpp_port, preface=proxy_1("203.0.113.9"))
        liar.wait_closed()

    def test_a_proxy_that_says_nothing_is_refused(self, start_bed: StartBed) -> None:
        bed = start_bed(ksmppd=self.KEYS)
        silent = Esme(bed.daemon.smpp_port, source_ip="127.0.0.2")
        silent.send_octets(wire.pack(wire.BIND_TRANSCEIVER, 0, 1, wire.pack_bind("a", "b", 0x34)))
        silent.wait_closed()
        bed.daemon.wait_for_log("Connection from 127.0.0.2 closed before its first PDU: no PROXY header")

    def test_the_proxy_itself(self, start_bed: StartBed) -> None:
        """Its health checks: LOCAL of version 2, UNKNOWN of version 1."""
        bed = start_bed(ksmppd=self.KEYS)
        customer = bed.customer()
        for preface in (SIGNATURE + b"\x20\x00\x00\x00", b"PROXY UNKNOWN\r\n"):
            self.bound_from(bed, preface, system_id=customer.system_id, password=customer.password)
            assert self.status == wire.ROK
        assert bed.daemon.admin("/esme-status").body.count("ip:127.0.0.2 ") == 2

    def test_with_tls(self, open_port: OpenPort) -> None:
        keys = {"smpp-proxy-protocol": "yes", "smpp-proxy-allow-ip": "127.0.0.1"}
        tls = open_port(**keys)
        customer = tls.bed.customer()
        esme = tls.connect(preface=proxy_2("203.0.113.9"))
        assert esme.bind(customer.system_id, customer.password).command_status == wire.ROK
        assert "ip:203.0.113.9 " in tls.bed.daemon.admin("/esme-status").body
        assert PASSWORD not in tls.bed.daemon.log()
