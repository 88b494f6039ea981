"""From noise to images with trained networks: what stays of each family when its training is over."""
