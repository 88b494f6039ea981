"""The one training loop and what keeps it safe."""
