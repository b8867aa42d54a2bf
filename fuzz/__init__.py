"""Coverage-guided fuzzing of what reads other people's files; `python -m fuzz --help`."""
