"""Which checkpoints there are, where they lie on this machine, and whether they are whole."""
