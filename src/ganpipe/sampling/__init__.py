"""Trained generators as files, and the samplers that generate images with them."""
