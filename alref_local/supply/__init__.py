"""How checkpoints come to this machine and leave it: from the hub, in a bundle on a drive, from a file."""
