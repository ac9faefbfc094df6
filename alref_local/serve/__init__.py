"""An open model on this machine's own GPUs: where it goes, how it is started, and what keeps it alive until it ends."""
