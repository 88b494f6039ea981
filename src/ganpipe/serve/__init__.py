"""Generators for people: sampling, and the model that MLflow serves."""
