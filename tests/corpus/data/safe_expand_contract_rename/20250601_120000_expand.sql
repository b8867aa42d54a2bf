-- Migration: A column renamed without breaking anyone, step one: both names, kept in step
-- Version: 20250601_120000
-- Description: Old code writes full_name, new code writes display_name
-- Dependencies: []

-- ============= UP MIGRATION =============

ALTER TABLE users ADD COLUMN IF NOT EXISTS display_name TEXT;

CREATE OR REPLACE FUNCTION sync_user_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.display_name := coalesce(NEW.display_name, NEW.full_name);
        NEW.full_name := coalesce(NEW.full_name, NEW.display_name);
    ELSIF NEW.display_name IS DISTINCT FROM OLD.display_name THEN
        NEW.full_name := NEW.display_name;
    ELSIF NEW.full_name IS DISTINCT FROM OLD.full_name THEN
        NEW.display_name := NEW.full_name;
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER sync_user_names BEFORE INSERT OR UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION sync_user_names();

-- ============= DOWN MIGRATION ============

DROP TRIGGER IF EXISTS sync_user_names ON users;
DROP FUNCTION IF EXISTS sync_user_names();
ALTER TABLE users DROP COLUMN IF EXISTS display_name;
