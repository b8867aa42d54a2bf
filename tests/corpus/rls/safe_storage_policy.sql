-- Migration: A policy on the objects of storage, which Supabase allows
-- Version: 20250601_120000
-- Description: The first folder of a file's path is its owner
-- Dependencies: []
-- corpus: profile = "supabase"

-- ============= UP MIGRATION =============

DROP POLICY IF EXISTS avatars_own ON storage.objects;
CREATE POLICY avatars_own ON storage.objects FOR SELECT TO authenticated
    USING (bucket_id = 'avatars' AND (storage.foldername(name))[1] = (SELECT auth.uid())::text);

-- ============= DOWN MIGRATION ============

DROP POLICY IF EXISTS avatars_own ON storage.objects;
