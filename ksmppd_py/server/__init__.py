"""The life of the server: builds what all packages need from the configuration, starts, reloads and stops it."""
