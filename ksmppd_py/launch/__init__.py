"""Start-up: command line, user, background, pid file, parachute, signals, and the checks of a configuration."""
