"""SMPP 3.4: octets and values. Pure: no I/O, no clock, no gevent."""
