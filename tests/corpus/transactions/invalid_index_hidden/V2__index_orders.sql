-- Shows: an index built CONCURRENTLY by another tool. If it fails, an invalid one stays, and IF NOT EXISTS hides it.
-- corpus: base = false
-- corpus: runs = "how it runs is the other tool's business"
-- corpus: families = ["transactions"]

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_notes_body ON notes (body); -- finding: invalid-index-hidden
