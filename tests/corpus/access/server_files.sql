-- Migration: Files and programs of the machine that the server runs on
-- Version: 20250601_120000
-- Description: Whoever can do that owns the machine
-- Dependencies: []
-- corpus: families = ["access"]
-- corpus: runs = "it would touch files of the machine"

-- ============= UP MIGRATION =============

COPY users TO '/srv/export/users.csv'; -- finding: server-file-or-program

COPY users FROM PROGRAM 'curl https://example.org/users.csv'; -- finding: server-file-or-program

SELECT pg_read_file('/etc/passwd'); -- finding: server-file-or-program

SELECT lo_import('/etc/passwd'); -- finding: server-file-or-program

-- ============= DOWN MIGRATION ============

SELECT 1;
