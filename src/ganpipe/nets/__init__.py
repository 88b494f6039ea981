"""Networks: `nn.Module` classes only; losses are in `objectives`, training steps in `methods`."""
