-- name: traces
-- Which runtime ran what, one row per batch. It is opt-in, so the table is usually empty.
CREATE TABLE sluice.trace (
  written_at timestamptz NOT NULL DEFAULT now(),
  keep_until timestamptz NOT NULL,
  runtime bigint NOT NULL,
  host text NOT NULL,
  pid integer NOT NULL,
  job_ids text[] NOT NULL,
  attempts integer[] NOT NULL,
  host_pids integer[] NOT NULL,
  ended_at timestamptz[] NOT NULL,
  took real[] NOT NULL);
CREATE INDEX trace_written_at ON sluice.trace (written_at);
CREATE INDEX trace_keep_until ON sluice.trace (keep_until);
