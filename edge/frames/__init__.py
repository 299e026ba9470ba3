"""Pictures in memory: the Frame, and the shared-memory ring that carries frames between processes."""
