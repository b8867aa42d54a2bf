-- Migration: Initial Cost Monitoring
-- Version: 20250121_093100
-- Description: What every team spends on model calls, what it may spend, and the alerts in between
-- Dependencies: ["20250121_093000_initial_team_registry"]

-- ============= UP MIGRATION =============

CREATE TABLE IF NOT EXISTS api_usage (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    team_id UUID NOT NULL CONSTRAINT fk_api_usage_team_id REFERENCES teams(id),
    team_member_id UUID CONSTRAINT fk_api_usage_team_member_id REFERENCES team_members(id) ON DELETE SET NULL,
    provider VARCHAR(63) NOT NULL,
    model VARCHAR(127) NOT NULL,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cost_usd NUMERIC(12,6) NOT NULL DEFAULT 0,
    latency_ms INTEGER,
    metadata JSONB NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT check_api_usage_tokens_not_negative CHECK (input_tokens >= 0 AND output_tokens >= 0),
    CONSTRAINT check_api_usage_cost_not_negative CHECK (cost_usd >= 0)
);

CREATE INDEX IF NOT EXISTS idx_api_usage_team_id_created_at ON api_usage(team_id, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_api_usage_team_member_id ON api_usage(team_member_id);

CREATE TABLE IF NOT EXISTS budgets (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    team_id UUID NOT NULL CONSTRAINT fk_budgets_team_id REFERENCES teams(id),
    period VARCHAR(20) NOT NULL DEFAULT 'monthly',
    limit_usd NUMERIC(12,2) NOT NULL,
    alert_at_percent SMALLINT NOT NULL DEFAULT 80,
    valid_from DATE NOT NULL DEFAULT CURRENT_DATE,
    valid_until DATE,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT uq_budgets_team_id_period_valid_from UNIQUE (team_id, period, valid_from),
    CONSTRAINT check_budgets_period CHECK (period IN ('daily', 'weekly', 'monthly')),
    CONSTRAINT check_budgets_limit_positive CHECK (limit_usd > 0),
    CONSTRAINT check_budgets_alert_at_percent CHECK (alert_at_percent BETWEEN 1 AND 100),
    CONSTRAINT check_budgets_valid_until_after_from CHECK (valid_until >= valid_from)
);

CREATE TABLE IF NOT EXISTS cost_alerts (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    team_id UUID NOT NULL CONSTRAINT fk_cost_alerts_team_id REFERENCES teams(id),
    budget_id UUID NOT NULL CONSTRAINT fk_cost_alerts_budget_id REFERENCES budgets(id),
    severity VARCHAR(20) NOT NULL DEFAULT 'warning',
    spent_usd NUMERIC(12,6) NOT NULL,
    message TEXT NOT NULL,
    acknowledged_by VARCHAR(255),
    acknowledged_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT check_cost_alerts_severity CHECK (severity IN ('info', 'warning', 'critical')),
    CONSTRAINT check_cost_alerts_acknowledged_by_someone
        CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);

CREATE INDEX IF NOT EXISTS idx_cost_alerts_team_id_created_at ON cost_alerts(team_id, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_cost_alerts_budget_id ON cost_alerts(budget_id);
CREATE INDEX IF NOT EXISTS idx_cost_alerts_open ON cost_alerts(created_at) WHERE acknowledged_at IS NULL;

-- Runs with the reader's rights: a team adds up only the rows that it may see.
CREATE OR REPLACE VIEW daily_team_costs WITH (security_invoker = true) AS
SELECT
    team_id,
    (created_at AT TIME ZONE 'UTC')::DATE AS day,
    provider,
    model,
    count(*) AS calls,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(cost_usd) AS cost_usd
FROM api_usage
GROUP BY team_id, (created_at AT TIME ZONE 'UTC')::DATE, provider, model;

CREATE OR REPLACE TRIGGER trg_budgets_updated_at
    BEFORE UPDATE ON budgets FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- A team books its own calls and acknowledges its own alerts; what it may spend is not for it to decide.
ALTER TABLE api_usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE budgets ENABLE ROW LEVEL SECURITY;
ALTER TABLE cost_alerts ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS api_usage_read_own ON api_usage;
CREATE POLICY api_usage_read_own ON api_usage
    FOR SELECT USING (team_id = (SELECT current_team_id()));

DROP POLICY IF EXISTS api_usage_append_own ON api_usage;
CREATE POLICY api_usage_append_own ON api_usage
    FOR INSERT WITH CHECK (team_id = (SELECT current_team_id()));

DROP POLICY IF EXISTS budgets_read_own ON budgets;
CREATE POLICY budgets_read_own ON budgets
    FOR SELECT USING (team_id = (SELECT current_team_id()));

DROP POLICY IF EXISTS cost_alerts_read_own ON cost_alerts;
CREATE POLICY cost_alerts_read_own ON cost_alerts
    FOR SELECT USING (team_id = (SELECT current_team_id()));

DROP POLICY IF EXISTS cost_alerts_acknowledge_own ON cost_alerts;
CREATE POLICY cost_alerts_acknowledge_own ON cost_alerts
    FOR UPDATE USING (team_id = (SELECT current_team_id())) WITH CHECK (team_id = (SELECT current_team_id()));

DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'authenticated') THEN
        GRANT SELECT, INSERT ON api_usage TO authenticated;
        GRANT SELECT ON budgets, cost_alerts, daily_team_costs TO authenticated;
        GRANT UPDATE (acknowledged_by, acknowledged_at) ON cost_alerts TO authenticated;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON api_usage, budgets, cost_alerts TO service_role;
        GRANT SELECT ON daily_team_costs TO service_role;
    END IF;
END $$;

COMMENT ON TABLE api_usage IS 'One row a call of a model: tokens, price and who made it';
COMMENT ON TABLE budgets IS 'What a team may spend in a period';
COMMENT ON TABLE cost_alerts IS 'Raised when spending comes near a budget or passes it';
COMMENT ON VIEW daily_team_costs IS 'Calls, tokens and cost of each team, by UTC day, provider and model';
COMMENT ON COLUMN budgets.alert_at_percent IS 'Share of the limit from which alerts are raised';

-- ============= DOWN MIGRATION ============

DROP VIEW IF EXISTS daily_team_costs;
DROP TABLE IF EXISTS cost_alerts;
DROP TABLE IF EXISTS budgets;
DROP TABLE IF EXISTS api_usage;
