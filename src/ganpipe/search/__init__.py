"""Finding the best experiment with less training than a full grid: races and searches."""
