-- name: hosts
-- What ran an attempt, and what it took: the figures of a host's process are known if that has ended. The limits that a
-- plugin's hosts have.
ALTER TABLE sluice.attempt
  ADD COLUMN plugin text NOT NULL DEFAULT '',
  ADD COLUMN build_id text NOT NULL DEFAULT '',
  ADD COLUMN cpu_seconds double precision,
  ADD COLUMN peak_memory bigint;
ALTER TABLE sluice.plugin ADD COLUMN limits text[] NOT NULL DEFAULT '{}';
