"""Samplers: modules that map noise to images, one for each way in which trained networks generate images."""
