"""MLflow as a view of the records on disk, never their only copy."""
