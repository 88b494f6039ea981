"""Losses, gradient penalties, augmentation, and the mathematics of diffusion: functions of tensors, no networks."""
