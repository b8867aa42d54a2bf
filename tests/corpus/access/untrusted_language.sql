-- Migration: A function in a language that can do all that the server's account can
-- Version: 20250601_120000
-- Description: Files, sockets, programs
-- Dependencies: []
-- corpus: families = ["access"]
-- corpus: runs = "the languages are not installed"

-- ============= UP MIGRATION =============

CREATE EXTENSION IF NOT EXISTS plpython3u; -- finding: untrusted-language

CREATE OR REPLACE FUNCTION who() RETURNS TEXT LANGUAGE plpython3u AS $$ -- finding: untrusted-language
    import os
    return os.popen('whoami').read()
$$;

CREATE OR REPLACE FUNCTION fast_hash(TEXT) RETURNS TEXT LANGUAGE c AS '/srv/lib/hash', 'hash'; -- finding: untrusted-language

-- ============= DOWN MIGRATION ============

DROP FUNCTION IF EXISTS fast_hash(TEXT);
DROP FUNCTION IF EXISTS who();
