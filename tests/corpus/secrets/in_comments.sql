-- Migration: A token in a comment is a token in the history
-- Version: 20250601_120000
-- Description: Nothing runs it, everyone reads it
-- Dependencies: []

-- ============= UP MIGRATION =============

-- curl -H 'Authorization: token {{github token}}' https://api.example.org -- finding: hardcoded-secret
COMMENT ON TABLE orders IS 'What people bought';

/* the channel of the alarms: {{slack token}} */ -- finding: hardcoded-secret
COMMENT ON TABLE users IS 'Who bought it';

-- ============= DOWN MIGRATION ============

COMMENT ON TABLE users IS NULL;
COMMENT ON TABLE orders IS NULL;
