"""Ways from queries to mask tracks; ``pivot`` is the paper's."""
