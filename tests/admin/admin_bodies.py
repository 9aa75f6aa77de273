"""Bodies of docs/rules/http.md 3.2 to 3.4, octet by octet, which tests of several modules expect."""

from __future__ import annotations

STATUS_PLAIN = b"""\
Summary:\x20

Unique known ESME's: 2
Total inbound processed:5 load: 0.02/0.00/0.08/sec
Total outbound processed:3 load: 0.01/0.00/0.05/sec

smppusera - binds:1/2, total inbound load:(0.02/0.00/0.08)/11.00/sec, outbound load:(0.01/0.00/0.05)/sec, \
mt/mo/dlr/errors:(5/1/2/0)
-- id:4 ip:10.0.0.5 uptime:0d 0h 3m 11s, type:3, open-acks:0, simulate: no, \
inbound (load/queued/processed/routing):0.00/0/9/0, outbound (load/queued/processed):0.00/0/9, \
mt/mo/dlr/errors:5/1/2/0

smppuserb - binds:0/0, total inbound load:(0.00/0.00/0.00)/0.00/sec, outbound load:(0.00/0.00/0.00)/sec, \
mt/mo/dlr/errors:(0/0/0/0)
"""

STATUS_XML = b"""\
<esmes><summary>
	<unique>2</unique>
	<inbound-processed>5</inbound-processed>
	<inbound-load>0.02/0.00/0.08</inbound-load>
	<outbound-processed>3</outbound-processed>
	<outbound-load>0.01/0.00/0.05</outbound-load>
</summary>
<esme>
	<system-id>smppusera</system-id>
	<bind-count>1</bind-count>
	<max-binds>2</max-binds>
	<inbound-load>0.02/0.00/0.08</inbound-load>
	<max-inbound-load>11.00</max-inbound-load>
	<outbound-load>0.01/0.00/0.05</outbound-load>
	<mt>5</mt>
	<mo>1</mo>
	<dlr>2</dlr>
	<errors>0</errors>
	<bind>
		<bind-id>4</bind-id>
		<ip>10.0.0.5</ip>
		<uptime>191</uptime>
		<bind-type>3</bind-type>
		<open-acks>0</open-acks>
		<simulate>no</simulate>
		<inbound-load>0.00</inbound-load>
		<inbound-queued>0</inbound-queued>
		<inbound-processed>9</inbound-processed>
		<inbound-routing>0</inbound-routing>
		<outbound-load>0.00</outbound-load>
		<outbound-queued>0</outbound-queued>
		<outbound-processed>9</outbound-processed>
		<mt>5</mt>
		<mo>1</mo>
		<dlr>2</dlr>
		<errors>0</errors>
	</bind>
</esme>
<esme>
	<system-id>smppuserb</system-id>
	<bind-count>0</bind-count>
	<max-binds>0</max-binds>
	<inbound-load>0.00/0.00/0.00</inbound-load>
	<max-inbound-load>0.00</max-inbound-load>
	<outbound-load>0.00/0.00/0.00</outbound-load>
	<mt>0</mt>
	<mo>0</mo>
	<dlr>0</dlr>
	<errors>0</errors>
</esme></esmes>"""

NOT_FOUND = b"""\
Command '/foo' not found, available commands are:\x20

/uptime
/log-level
/esme-status
/esme-unbind
/rebuild-routes
/blocked-ips
/route-test
/bearerbox-status
/queue-status
/refusals
/version
/healthz
/readyz
/metrics
"""
