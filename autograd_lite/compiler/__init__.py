"""`ag.compile`: a function, through any transforms inside it, as a NumPy program."""
