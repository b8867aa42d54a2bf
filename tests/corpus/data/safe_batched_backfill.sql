-- Migration: A backfill in batches, each with its own transaction
-- Version: 20250601_120000
-- Description: Row locks are short, and a rerun goes on where it stopped
-- Dependencies: []
-- Transaction: none
-- Irreversible: which channels were unknown is not kept

-- ============= UP MIGRATION =============

DO $$
DECLARE
    touched INTEGER;
BEGIN
    LOOP
        UPDATE orders SET coupon_code = ''
        WHERE id IN (SELECT id FROM orders WHERE coupon_code IS NULL LIMIT 1000 FOR UPDATE SKIP LOCKED);
        GET DIAGNOSTICS touched = ROW_COUNT;
        COMMIT;
        EXIT WHEN touched = 0;
    END LOOP;
END
$$;
