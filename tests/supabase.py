"""The part of a Supabase project that migrations name: its roles, schemas, tables and functions."""

from __future__ import annotations

#: https://supabase.com/docs/guides/database/postgres/roles and the migrations of github.com/supabase/auth and storage.
PROJECT = """
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticated NOLOGIN;
CREATE ROLE service_role NOLOGIN BYPASSRLS;
CREATE SCHEMA auth;
CREATE SCHEMA extensions;
CREATE SCHEMA graphql_public;
CREATE SCHEMA realtime;
CREATE SCHEMA storage;
CREATE SCHEMA vault;
CREATE TABLE auth.users (
    id uuid PRIMARY KEY, email text, raw_app_meta_data jsonb, raw_user_meta_data jsonb, created_at timestamptz
);
ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS
    'SELECT nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb';
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT (auth.jwt() ->> ''sub'')::uuid';
CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE AS 'SELECT auth.jwt() ->> ''role''';
CREATE FUNCTION auth.email() RETURNS text LANGUAGE sql STABLE AS 'SELECT auth.jwt() ->> ''email''';
CREATE TABLE storage.buckets (id text PRIMARY KEY, name text NOT NULL, public boolean DEFAULT false);
CREATE TABLE storage.objects (
    id uuid PRIMARY KEY, bucket_id text REFERENCES storage.buckets, name text, owner uuid, metadata jsonb
);
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION storage.foldername(name text) RETURNS text[] LANGUAGE sql AS 'SELECT string_to_array(name, ''/'')';
CREATE TABLE realtime.messages (id uuid, topic text, extension text);
ALTER TABLE realtime.messages ENABLE ROW LEVEL SECURITY;
CREATE PUBLICATION supabase_realtime;
"""
