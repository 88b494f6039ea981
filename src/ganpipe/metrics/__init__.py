"""Image quality metrics: pure functions from images and features to numbers."""
