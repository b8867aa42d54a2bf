-- Shows: an index built CONCURRENTLY by another tool, which clears what a failed attempt has left first.
-- corpus: base = false
-- corpus: runs = "how it runs is the other tool's business"
-- corpus: families = ["transactions"]

DROP INDEX CONCURRENTLY IF EXISTS idx_notes_body;

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_notes_body ON notes (body);
