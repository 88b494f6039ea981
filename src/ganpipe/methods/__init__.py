"""Families of generative models: one module each, all with the interface in `methods.common.protocol`."""
