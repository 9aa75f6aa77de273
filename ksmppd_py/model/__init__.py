"""Values that all packages share, and the interfaces between the packages. Pure: no I/O, no clock, no gevent."""
