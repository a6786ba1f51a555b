-- name: notifications
-- Where the plugin for notification.send stores what it sends.
CREATE TABLE sluice.notification (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job_id text NOT NULL UNIQUE,
  user_id text NOT NULL,
  type text NOT NULL,
  message text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  read_at timestamptz);
CREATE INDEX notification_user_id_id_idx ON sluice.notification (user_id, id);
