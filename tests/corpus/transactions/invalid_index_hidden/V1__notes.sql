-- The table that the next file is about.

CREATE TABLE notes (id UUID PRIMARY KEY, body TEXT);
