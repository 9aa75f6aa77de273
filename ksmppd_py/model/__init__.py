"""The words that every room shares, and the doors between the rooms. Pure: no I/O, no clock, no gevent."""
