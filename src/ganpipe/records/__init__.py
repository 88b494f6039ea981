"""Records on disk of what every stage did: the source of truth that MLflow displays."""
