"""The worst that a file can be: what `bench/worst.py` lints.

Each function makes one case of a given size, with the same text in every run. Where a text does not parse,
`Input.sound` is one of the same size and shape that does: what parsing costs is measured with it.
"""

from bench.worst_cases import bodies, comments, errors, expressions, objects, reports, rows, tables

CASES = (
    *rows.CASES,
    *expressions.CASES,
    *comments.CASES,
    *errors.CASES,
    *tables.CASES,
    *objects.CASES,
    *bodies.CASES,
    *reports.CASES,
)
