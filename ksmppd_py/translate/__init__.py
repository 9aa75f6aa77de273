"""One language into the other: SMPP PDUs <-> sms. Pure."""
