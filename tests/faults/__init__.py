"""What goes wrong while a deploy runs, done on purpose: `python -m tests.faults` tries all of it and counts."""
