-- Migration: Step two: the old rows, in batches
-- Version: 20250602_120000
-- Description: Nothing but data
-- Dependencies: []
-- Transaction: none
-- Irreversible: the copies do no harm

-- ============= UP MIGRATION =============

DO $$
BEGIN
    LOOP
        UPDATE users SET display_name = full_name
        WHERE id IN (SELECT id FROM users WHERE display_name IS NULL AND full_name IS NOT NULL LIMIT 1000);
        EXIT WHEN NOT FOUND;
        COMMIT;
    END LOOP;
END
$$;
