"""What the command and a notebook call: the parts of the core joined into whole jobs."""
