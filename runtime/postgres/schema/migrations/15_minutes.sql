-- name: minutes
-- What was done, per minute for two days and per hour for 30. The arrays are histograms (store/time_buckets.hpp) without
-- the zeros at their ends. They stay uncompressed and aligned, so that a member is read without a copy of its array.
CREATE TABLE sluice.minute (
  minute timestamptz NOT NULL,
  type text NOT NULL,
  plugin_version text NOT NULL,
  outcome text NOT NULL,
  count bigint NOT NULL,
  busy interval NOT NULL,
  waiting bigint[] NOT NULL,
  running bigint[] NOT NULL,
  PRIMARY KEY (minute, type, plugin_version, outcome))
  WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE sluice.minute ALTER COLUMN waiting SET STORAGE PLAIN, ALTER COLUMN running SET STORAGE PLAIN;

CREATE TABLE sluice.hour (
  hour timestamptz NOT NULL,
  type text NOT NULL,
  plugin_version text NOT NULL,
  outcome text NOT NULL,
  count bigint NOT NULL,
  busy interval NOT NULL,
  waiting bigint[] NOT NULL,
  running bigint[] NOT NULL,
  PRIMARY KEY (hour, type, plugin_version, outcome));
ALTER TABLE sluice.hour ALTER COLUMN waiting SET STORAGE PLAIN, ALTER COLUMN running SET STORAGE PLAIN;

ALTER TABLE sluice.attempt ADD COLUMN plugin_version text NOT NULL DEFAULT '';
