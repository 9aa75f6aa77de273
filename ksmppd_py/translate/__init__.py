"""Translation between SMPP's PDUs and Kannel's sms, in both directions. Pure."""
