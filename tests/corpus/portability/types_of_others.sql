-- Migration: Types of MySQL, Oracle and SQL Server that parse, since any word may be a type's name
-- Version: 20250601_120000
-- Description: Postgres says at run time that there is none
-- Dependencies: []
-- corpus: families = ["portability"]
-- corpus: runs = "there are no such types"

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS parcels (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    flags TINYINT, -- finding: foreign-dialect
    sent DATETIME, -- finding: foreign-dialect
    title NVARCHAR(80), -- finding: foreign-dialect
    remark VARCHAR2(80), -- finding: foreign-dialect
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- ============= DOWN MIGRATION ============

DROP TABLE IF EXISTS parcels;
