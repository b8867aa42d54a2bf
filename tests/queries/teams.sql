-- name: GetTeam :one
SELECT id, name FROM teams WHERE id = $1;

-- name: ListTeams :many
SELECT * FROM teams WHERE name LIKE sqlc.arg(pattern) ORDER BY name LIMIT @count;

-- name: AddTeam :exec
INSERT INTO teams (name, members) VALUES (@name, sqlc.narg('members')) ON CONFLICT (name) DO NOTHING;
