"""What every test may count on: a table that is full, though no tensor was made yet."""

import autograd_lite.rules  # noqa: F401
