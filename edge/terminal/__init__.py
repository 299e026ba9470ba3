"""The daemon: processes, wiring, watchdog, memory hygiene."""
