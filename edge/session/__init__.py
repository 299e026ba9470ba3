"""One synchronous runner: heart, vision, ports and an injected clock."""
