-- name: activity
-- What runtimes publish about themselves. It is deleted with its runtime, whoever deletes that.
CREATE TABLE sluice.plugin (
  runtime bigint NOT NULL REFERENCES sluice.runtime ON DELETE CASCADE,
  place integer NOT NULL,
  path text NOT NULL,
  name text NOT NULL,
  version text NOT NULL,
  state text NOT NULL,
  reason text NOT NULL,
  hosts integer NOT NULL,
  hosts_wanted integer NOT NULL,
  slots integer NOT NULL,
  restarts integer NOT NULL,
  types text[] NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (runtime, place));

CREATE TABLE sluice.running (
  job_id text NOT NULL,
  runtime bigint NOT NULL REFERENCES sluice.runtime ON DELETE CASCADE,
  type text NOT NULL,
  attempt integer NOT NULL,
  plugin text NOT NULL,
  host_pid integer NOT NULL,
  started_at timestamptz NOT NULL,
  fraction double precision,
  note text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_id, runtime));

CREATE TABLE sluice.throughput (
  minute timestamptz NOT NULL,
  type text NOT NULL,
  done bigint NOT NULL,
  retrying bigint NOT NULL,
  failed bigint NOT NULL,
  snoozed bigint NOT NULL,
  busy interval NOT NULL,
  PRIMARY KEY (minute, type));
