"""Decisions about finished runs: the ranking, and the verdict on the claims of the source documents. Numbers only."""
