"""Losses, gradient penalties, augmentation, and the mathematics of diffusion, flow and EDM: functions of tensors."""
