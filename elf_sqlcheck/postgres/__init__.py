"""Throw-away servers and what they tell: start, snapshot, compare."""
