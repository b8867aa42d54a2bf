"""PostgreSQL and Supabase migrations: linted, proven on a throw-away Postgres, deployed by the same executor."""
