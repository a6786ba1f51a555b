-- name: relations
-- What pages show: which job enqueued which, as a follow-up; the ABI and the digest of a plugin's file, and what its hosts
-- take (a JSON array); and the limits of a type's jobs (a JSON object).
CREATE TABLE sluice.follow_up (
  parent text NOT NULL,
  job_id text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_id, parent));
CREATE INDEX follow_up_parent_idx ON sluice.follow_up (parent);
ALTER TABLE sluice.plugin
  ADD COLUMN abi text NOT NULL DEFAULT '',
  ADD COLUMN digest text NOT NULL DEFAULT '',
  ADD COLUMN host_figures jsonb NOT NULL DEFAULT '[]';
ALTER TABLE sluice.job_type ADD COLUMN limits jsonb NOT NULL DEFAULT '{}';
