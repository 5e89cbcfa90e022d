"""Training runs outside the server: run table, launcher, worker, queue, promotion."""
