"""How good the images are: pure functions from images and features to numbers."""
